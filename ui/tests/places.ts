// Every screen and state of the window, and how the fake host shows it.

import type { Page } from "@playwright/test";

/** Screens as they are nearly always seen: in every theme and both languages. */
export const SCREENS: [string, string][] = [
  ["launch", "at=/launch"],
  ["race-live", "fake=wave-2&t=18.4"],
  ["race-won", "fake=wave-2&t=23.3"],
  ["restore", "fake=wave-2&t=33.2"],
  ["ready", "fake=wave-2&t=60"],
  ["no-winner", "fake=no-machine&t=80"],
  ["offers", "at=/offers"],
  ["snapshots", "at=/snapshots"],
  ["machines", "fake=wave-2&t=60&fleet&at=/machines"],
  ["hosts", "at=/hosts"],
  ["settings", "at=/settings"],
  ["recipe", "at=/recipe/musetalk"],
  ["runs", "at=/runs"],
  ["welcome", "newcomer"],
];

/** Everything else a screen can be. */
export const STATES: [string, string][] = [
  ["launch-practice", "practice"],
  ["launch-fresh", "fresh"],
  ["launch-no-offers", "fail=launchEstimate:no-offers"],
  ["launch-key-refused", "fail=launchEstimate:cloud-key-refused"],
  ["launch-credit", "fail=launchEstimate:credit-too-low"],
  ["launch-storage", "fail=launchEstimate:storage-unreachable,snapshotsList:storage-unreachable"],
  ["launch-refused", "refuse=cap-reached"],
  ["launch-empty", "empty"],
  ["launch-pending", "pending"],
  ["race-preparing", "fake=wave-2&t=0.1"],
  ["race-first-wave", "fake=wave-1&t=4"],
  ["race-replaced", "fake=replaced&t=6"],
  ["ready-script-failed", "fake=replaced&t=90"],
  ["race-throttled", "fake=throttled&t=5"],
  ["race-slow", "fake=slow&t=36"],
  ["race-all-at-once", "fake=all-at-once&t=9"],
  ["race-second-heat", "fake=second-heat&t=26"],
  ["race-losses", "fake=no-machine&t=24"],
  ["race-cancelling", "fake=cancelled&t=16"],
  ["race-near-cap", "fake=capped&t=9"],
  ["capped", "fake=capped&t=30"],
  ["capped-charged", "fake=capped&t=70"],
  ["race-practice", "fake=practice&t=4"],
  ["restore-begins", "fake=wave-2&t=25"],
  ["restore-by-restic", "fake=extended&t=147"],
  ["restore-here", "fake=restore-here&t=6"],
  ["restore-onto", "fake=restore-onto&t=9&fleet"],
  ["ready-plain", "fake=plain&t=20"],
  ["ready-practice", "fake=practice&t=30"],
  ["ready-here", "fake=restore-here&t=30"],
  ["incomplete", "fake=incomplete&t=70"],
  ["leftovers", "fake=leftovers&t=120"],
  ["cancelled", "fake=cancelled&t=40"],
  ["refused", "fake=refused&t=2"],
  // Told again from what the engine recorded.
  ["recorded-wave-one", "fake=recorded/wave-one-wins&t=3.2"],
  ["recorded-wave-one-ready", "fake=recorded/wave-one-wins&t=30"],
  ["recorded-wave-two", "fake=recorded/wave-two-wins&t=15"],
  ["recorded-wave-two-restore", "fake=recorded/wave-two-wins&t=25.5"],
  ["recorded-second-heat", "fake=recorded/second-heat-wins&t=29"],
  ["recorded-second-heat-ready", "fake=recorded/second-heat-wins&t=60"],
  ["recorded-nobody", "fake=recorded/nobody-wins&t=60"],
  ["recorded-nobody-ended", "fake=recorded/nobody-wins&t=200"],
  ["recorded-throttled", "fake=recorded/throttled-and-unknown&t=2"],
  ["recorded-throttled-ready", "fake=recorded/throttled-and-unknown&t=20"],
  ["recorded-cancelled", "fake=recorded/cancelled&t=14"],
  ["recorded-cancelled-ended", "fake=recorded/cancelled&t=20"],
  ["recorded-leftovers", "fake=recorded/leftovers&t=70"],
  ["offers-empty", "empty&at=/offers"],
  ["offers-pending", "pending&at=/offers"],
  ["offers-offline", "fail=offersSearch:cloud-unreachable&at=/offers"],
  ["offers-many", "offers=5000&at=/offers"],
  ["snapshots-empty", "empty&at=/snapshots"],
  ["snapshots-pending", "pending&at=/snapshots"],
  ["snapshots-offline", "fail=snapshotsList:storage-unreachable&at=/snapshots"],
  ["snapshots-damaged", "fail=snapshotTree:repository-damaged&at=/snapshots"],
  ["machines-empty", "at=/machines"],
  ["machines-new", "newcomer&at=/machines"],
  ["machines-pending", "pending&at=/machines"],
  ["machines-offline", "fail=machinesList:cloud-unreachable&at=/machines"],
  ["machines-stale", "stale=cloud-unreachable&at=/machines"],
  ["machines-resuming", "fake=wave-2&t=60&resuming=1&at=/machines"],
  ["machines-silent", "fake=wave-2&t=60&fail=machineMetrics:machine-unreachable&at=/machines"],
  ["machines-left", "fake=wave-2&t=60&left&at=/machines"],
  ["hosts-empty", "empty&at=/hosts"],
  ["hosts-pending", "pending&at=/hosts"],
  ["hosts-failed", "fail=hostsList:ledger-unusable&at=/hosts"],
  ["settings-new", "newcomer&at=/settings"],
  ["settings-asked", "practice&at=/settings"],
  ["settings-locked", "fail=secretsList:keychain-locked&at=/settings"],
  ["recipe-new", "at=/recipe"],
  ["runs-empty", "empty&at=/runs"],
  ["problem", "problem=storage-key-refused"],
  ["problem-red", "problem=keychain-locked&newcomer&at=/machines"],
  ["link", "link=musetalk"],
  ["link-practice", "link=musetalk&practice"],
  ["link-unknown", "link=nobody"],
];

/** What lies over a screen, or comes when something is chosen. */
export interface Layer {
  name: string;
  query: string;
  within: string;
  open(page: Page): Promise<void>;
}

const DIALOG = "[role=dialog]";
const CONFIRM = "[role=alertdialog]";
const LIST = "[role=listbox]";
const MENU = "[role=menu]";
const press = (key: string) => (page: Page) => page.keyboard.press(key);
const button =
  (...names: (string | RegExp)[]) =>
  async (page: Page) => {
    for (const name of names) await page.getByRole("button", { name }).first().click();
  };
const field = (name: string | RegExp) => (page: Page) =>
  page.getByRole("combobox", { name, exact: true }).click();
const item = (name: string) => async (page: Page) => {
  await button("More")(page);
  await page.getByRole("menuitem", { name }).click();
};
const READY = "fake=wave-2&t=60&fleet&at=/machines";

export const LAYERS: Layer[] = [
  { name: "palette", query: "at=/launch", within: DIALOG, open: press("Control+k") },
  { name: "keys", query: "at=/launch", within: DIALOG, open: press("?") },
  { name: "launch, snapshot", query: "at=/launch", within: LIST, open: field("Snapshot") },
  { name: "launch, GPU", query: "at=/launch", within: LIST, open: field("GPU") },
  { name: "launch, GPU count", query: "at=/launch", within: LIST, open: field("Number of GPUs") },
  { name: "launch, where", query: "at=/launch", within: LIST, open: field("Where") },
  {
    name: "race, cancel",
    query: "fake=wave-2&t=8",
    within: CONFIRM,
    open: button(/Cancel and destroy all/),
  },
  { name: "ready, destroy", query: "fake=wave-2&t=60", within: CONFIRM, open: button("Destroy") },
  {
    name: "offers, picked",
    query: "at=/offers",
    within: ".offers-bar",
    open: button(/Pick best 15/),
  },
  {
    name: "offers, hosts",
    query: "at=/offers",
    within: MENU,
    open: button(/Pick best 15/, "What you think of these hosts"),
  },
  {
    name: "offers, save filter",
    query: "at=/offers",
    within: DIALOG,
    open: button("Save this filter"),
  },
  {
    name: "offers, saved filter",
    query: "at=/offers",
    within: ".saved",
    open: button("Fast 4090"),
  },
  {
    name: "snapshots, restore",
    query: `${READY.split("&at")[0]}&at=/snapshots`,
    within: DIALOG,
    open: button(/Restore to/),
  },
  { name: "machines, more", query: READY, within: MENU, open: button("More") },
  { name: "machines, log", query: READY, within: DIALOG, open: item("Log") },
  { name: "machines, destroy", query: READY, within: CONFIRM, open: button("Destroy") },
  { name: "machines, label", query: READY, within: DIALOG, open: button("Label") },
  {
    name: "settings, a key typed",
    query: "at=/settings",
    within: ".account",
    open: page => page.getByLabel("API key of Vast.ai").fill("a new key"),
  },
  {
    name: "settings, remove key",
    query: "at=/settings",
    within: CONFIRM,
    open: button("Remove the key of Vast.ai"),
  },
  {
    name: "settings, add login",
    query: "at=/settings",
    within: DIALOG,
    open: button("Add a login"),
  },
  {
    name: "settings, storage tested",
    query: "at=/settings",
    within: "#settings-storage",
    open: async page => {
      await page
        .locator("#settings-storage")
        .getByRole("button", { name: "Test connection" })
        .click();
    },
  },
  {
    name: "settings, forget storage",
    query: "at=/settings",
    within: CONFIRM,
    open: async page => {
      await page.getByRole("button", { name: "Remove", exact: true }).click();
    },
  },
  {
    name: "recipe, delete",
    query: "at=/recipe/musetalk",
    within: CONFIRM,
    open: button("Delete"),
  },
  {
    name: "welcome, storage",
    query: "newcomer",
    within: ".welcome-step[data-open]",
    open: button(/Storage for your workspace/),
  },
  {
    name: "welcome, recipe",
    query: "newcomer",
    within: ".welcome-step[data-open]",
    open: button(/First recipe/),
  },
  {
    name: "welcome, start",
    query: "newcomer",
    within: ".welcome-step[data-open]",
    open: button(/Start with the/),
  },
  {
    name: "link, heard",
    query: "link=musetalk",
    within: CONFIRM,
    // For a second it hears no key and no press.
    open: page => page.waitForTimeout(1_200),
  },
  {
    name: "quit",
    query: "fake=wave-2&t=8",
    within: CONFIRM,
    open: page =>
      page.evaluate(() =>
        window.fakeHost.emit("quitAsked", {
          machines: 1,
          per_hour: 412_000,
          unsettled: 2,
          run: null,
        }),
      ),
  },
];
