// Every screen and state, in every theme and both languages: nothing axe-core
// objects to, nothing cut off or pushed aside, and a picture to look at.

import { SCREENS, STATES } from "./places";
import { axe, clipped, expect, sideways, test } from "./window";

type Look = { theme: "dark" | "light" | "hc"; lang: "en" | "pt-BR" };
const LOOKS: Look[] = (["dark", "light", "hc"] as const).flatMap(theme =>
  (["en", "pt-BR"] as const).map(lang => ({ theme, lang })),
);

const cases = [
  ...SCREENS.flatMap(([name, query]) => LOOKS.map(look => ({ name, query, look }))),
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
    expect(await sideways(page)).toEqual([]);
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
