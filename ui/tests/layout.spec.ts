// Small windows, long words, large text.

import { SCREENS, STATES } from "./places";
import { clipped, expect, inView, sideways, test } from "./window";

/** States with more on them than their screen usually has. */
const CROWDED = [
  "launch-practice",
  "launch-credit",
  "race-losses",
  "race-throttled",
  "race-slow",
  "restore-by-restic",
  "restore-here",
  "incomplete",
  "leftovers",
  "cancelled",
  "offers-many",
  "machines-left",
  "settings-locked",
  "problem-red",
  "link",
];
const PLACES = [...SCREENS, ...STATES.filter(([name]) => CROWDED.includes(name))];

const SIZES: [string, { width: number; height: number }, string][] = [
  ["960x640", { width: 960, height: 640 }, ""],
  ["960x640-pt", { width: 960, height: 640 }, "pt-BR"],
  ["longer", { width: 1280, height: 820 }, "pseudo"],
  ["960x640-longer", { width: 960, height: 640 }, "pseudo"],
  // The window of 1280x820 at 200 %, and the smallest window at 200 %.
  ["200-percent", { width: 640, height: 410 }, ""],
  ["200-percent-small", { width: 480, height: 320 }, ""],
];

for (const [size, viewport, lang] of SIZES) {
  test.describe(size, () => {
    test.use({ viewport });
    for (const [name, query] of PLACES) {
      test(name, async ({ page, open }) => {
        await open(lang ? `${query}&lang=${lang}` : query);
        await page.waitForTimeout(550);
        await page.screenshot({ path: `test-results/layout/${name}-${size}.png` });
        expect(await clipped(page)).toEqual([]);
        expect(await sideways(page)).toEqual([]);
        if (name.startsWith("launch")) {
          // Launch never leaves the view.
          expect(await inView(page, ".launch")).toBe(true);
        }
        if (/^(race|restore)/.test(name)) {
          // Nor does Cancel.
          expect(await inView(page, ".head .btn.danger")).toBe(true);
        }
      });
    }
  });
}
