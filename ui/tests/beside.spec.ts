// Each screen beside its mock-up, in one picture, to look at:
// test-results/beside. The mock-ups lie outside the repository: MOCKUPS is the
// folder of their pictures.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { test } from "./window";

const MOCKUPS = process.env.MOCKUPS ?? "";
const OUT = "test-results/beside";

const THEMES = ["dark", "light"] as const;
const WIDE = { width: 1280, height: 820 };
const SMALL = { width: 960, height: 640 };

interface Pair {
  /** The mock-up's. */
  name: string;
  query: string;
  /** What is done first. */
  act?: (page: Page) => Promise<unknown>;
}

const PAIRS: Pair[] = [
  { name: "01-launch", query: "at=/launch" },
  { name: "02-race-live", query: "fake=wave-2&t=18.4" },
  { name: "02-race-won", query: "fake=wave-2&t=23.3" },
  { name: "03-restore", query: "fake=wave-2&t=33.2" },
  { name: "03-ready", query: "fake=wave-2&t=60" },
  {
    name: "04-offers",
    query: "at=/offers",
    act: page => page.getByRole("button", { name: "Pick best 15" }).click(),
  },
  { name: "05-snapshots", query: "at=/snapshots" },
  { name: "06-machines", query: "fake=wave-2&t=60&fleet&left&at=/machines" },
  { name: "07-hosts", query: "at=/hosts" },
  {
    name: "08-onboarding",
    query: "newcomer",
    act: page => page.getByRole("button", { name: "Storage for your workspace" }).click(),
  },
  { name: "08-settings", query: "at=/settings" },
  {
    name: "11-palette",
    query: "at=/launch",
    act: async page => {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("mu");
    },
  },
];

interface Look extends Pair {
  theme: (typeof THEMES)[number];
  contrast?: "more";
  viewport?: typeof WIDE;
}

const LOOKS: Look[] = [
  ...PAIRS.flatMap(pair =>
    THEMES.map(theme => ({ ...pair, name: `${pair.name}-${theme}`, theme })),
  ),
  { name: "01-launch-pt-dark", query: "at=/launch&lang=pt-BR", theme: "dark" },
  {
    name: "01-launch-contrast-windows",
    query: "at=/launch",
    theme: "dark",
    contrast: "more",
  },
  {
    name: "02-race-live-960x640-dark",
    query: "fake=wave-2&t=18.4",
    theme: "dark",
    viewport: SMALL,
  },
];

for (const { name, query, act, theme, contrast, viewport = WIDE } of LOOKS) {
  test(name, async ({ page, open, browser }) => {
    test.skip(!existsSync(MOCKUPS), "the mock-ups are not here");
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: theme, contrast: contrast ?? "no-preference" });
    await open(query);
    await act?.(page);
    // Two readings of what a machine measures.
    await page.waitForTimeout(query.includes("t=60") ? 4_600 : 700);
    const ours = await page.screenshot();
    const file = [`${name}.png`, `${name.replace(/light$/, "dark")}.png`]
      .map(file => join(MOCKUPS, file))
      .find(existsSync);
    const pictures = [...(file ? [readFileSync(file)] : []), ours];
    const sheet = await browser.newPage({
      viewport: { width: viewport.width * pictures.length + 24, height: viewport.height },
    });
    await sheet.setContent(
      `<body style="margin:0;display:flex;gap:24px;background:#888">${pictures
        .map(picture => `<img src="data:image/png;base64,${picture.toString("base64")}">`)
        .join("")}`,
    );
    mkdirSync(OUT, { recursive: true });
    await sheet.screenshot({ path: `${OUT}/${name}.png` });
    await sheet.close();
  });
}
