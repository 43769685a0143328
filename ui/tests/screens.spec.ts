// Every screen, layer and state, in every theme and both languages: nothing
// axe-core objects to, nothing cut off or pushed aside, and a picture to look at.

import type { Page } from "@playwright/test";
import { LAYERS, SCREENS, STATES } from "./places";
import { axe, clipped, expect, sideways, test } from "./window";

const LOOKS = {
  dark: { colorScheme: "dark", contrast: "no-preference", forcedColors: "none" },
  light: { colorScheme: "light", contrast: "no-preference", forcedColors: "none" },
  // The app's own, and the system's.
  hc: { colorScheme: "dark", contrast: "more", forcedColors: "none" },
  forced: { colorScheme: "light", contrast: "no-preference", forcedColors: "active" },
} as const;
const THEMES = { dark: "dark", light: "light", hc: "hc", forced: "light" };

interface Case {
  name: string;
  query: string;
  lang: "en" | "pt-BR";
  open?: (page: Page) => Promise<void>;
}

const cases: Case[] = [
  ...[...SCREENS, ...STATES].flatMap(([name, query]) =>
    (["en", "pt-BR"] as const).map(lang => ({ name, query, lang })),
  ),
  ...LAYERS.map(layer => ({ ...layer, lang: "en" as const })),
];

for (const { name, query, lang, open: reveal } of cases) {
  test(`${name}, ${lang}`, async ({ page, open }) => {
    await open(`${query}&lang=${lang}`);
    await expect(page.locator("html")).toHaveAttribute("lang", lang);
    await reveal?.(page);
    // Late skeletons and the longest transition.
    await page.waitForTimeout(550);
    await settled(page);
    // What another language changes shows in two of them.
    const looks = Object.keys(LOOKS) as (keyof typeof LOOKS)[];
    for (const [at, look] of looks.slice(0, lang === "en" ? looks.length : 2).entries()) {
      await page.emulateMedia(LOOKS[look]);
      await expect(page.locator("html")).toHaveAttribute("data-theme", THEMES[look]);
      await faded(page);
      await page.screenshot({ path: `test-results/screens/${name}-${look}-${lang}.png` });
      // Of all that is looked for, only colours depend on the look.
      expect(await axe(page, at > 0 ? ["color-contrast"] : undefined), look).toEqual([]);
      expect(await clipped(page), look).toEqual([]);
      expect(await sideways(page), look).toEqual([]);
    }
  });
}

/** Until colours that fade have done so, however busy the machine is. */
async function faded(page: Page) {
  await page.waitForTimeout(150);
  await page.evaluate(() => {
    const fading = document
      .getAnimations()
      .filter(one => one instanceof CSSTransition && one.playState === "running");
    return Promise.allSettled(fading.map(one => one.finished));
  });
}

/** Until two frames in a row show the same. */
async function settled(page: Page) {
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
