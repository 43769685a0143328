// Every screen and state, in every theme and both languages: nothing axe-core
// objects to, nothing cut off, and a picture to look at.

import { axe, clipped, expect, test } from "./window";

const MAIN: [string, string][] = [
  ["launch", ""],
  ["race-live", "fake=wave-2&t=18.4"],
  ["race-won", "fake=wave-2&t=23.3"],
  ["restore", "fake=wave-2&t=33.2"],
  ["ready", "fake=wave-2&t=60"],
  ["no-winner", "fake=no-machine&t=80"],
];

const STATES: [string, string][] = [
  ["launch-practice", "practice"],
  ["launch-fresh", "fresh"],
  ["launch-no-offers", "error=no-offers"],
  ["launch-key-refused", "error=cloud-key-refused"],
  ["launch-empty", "empty"],
  ["launch-pending", "pending"],
  ["race-preparing", "fake=wave-2&t=0.1"],
  ["race-first-wave", "fake=wave-1&t=4"],
  ["race-replaced", "fake=replaced&t=6"],
  ["race-throttled", "fake=throttled&t=5"],
  ["race-slow", "fake=slow&t=36"],
  ["race-all-at-once", "fake=all-at-once&t=9"],
  ["race-second-heat", "fake=second-heat&t=26"],
  ["race-losses", "fake=no-machine&t=24"],
  ["race-cancelling", "fake=cancelled&t=16"],
  ["race-practice", "fake=practice&t=4"],
  ["restore-begins", "fake=wave-2&t=25"],
  ["restore-extended", "fake=extended&t=147"],
  ["ready-plain", "fake=plain&t=20"],
  ["ready-practice", "fake=practice&t=30"],
  ["incomplete", "fake=incomplete&t=70"],
  ["leftovers", "fake=leftovers&t=120"],
  ["cancelled", "fake=cancelled&t=40"],
  ["refused", "fake=refused&t=2"],
];

type Look = { theme: "dark" | "light" | "hc"; lang: "en" | "pt-BR" };
const LOOKS: Look[] = (["dark", "light", "hc"] as const).flatMap(theme =>
  (["en", "pt-BR"] as const).map(lang => ({ theme, lang })),
);

const cases = [
  ...MAIN.flatMap(([name, query]) => LOOKS.map(look => ({ name, query, look }))),
  ...STATES.flatMap(([name, query]) => [
    { name, query, look: { theme: "dark", lang: "en" } as Look },
    { name, query, look: { theme: "light", lang: "pt-BR" } as Look },
  ]),
];

for (const { name, query, look } of cases) {
  test(`${name}, ${look.theme}, ${look.lang}`, async ({ page, open }) => {
    await page.emulateMedia({
      colorScheme: look.theme === "light" ? "light" : "dark",
      contrast: look.theme === "hc" ? "more" : "no-preference",
    });
    await open(`${query}&lang=${look.lang}`);
    // Late skeletons and the longest transition.
    await page.waitForTimeout(550);
    await expect(page.locator("html")).toHaveAttribute("data-theme", look.theme);
    await expect(page.locator("html")).toHaveAttribute("lang", look.lang);
    await settled(page);
    await page.screenshot({ path: `test-results/screens/${name}-${look.theme}-${look.lang}.png` });
    expect(await clipped(page)).toEqual([]);
    expect(await axe(page)).toEqual([]);
  });
}

/** Until two frames in a row show the same. */
async function settled(page: import("@playwright/test").Page) {
  let last: string | null = null;
  await expect
    .poll(async () => {
      const now = await page.evaluate(() => document.body.textContent);
      const same = now === last;
      last = now;
      return same;
    })
    .toBe(true);
}
