// Small windows, long words, large text.

import { clipped, expect, inView, test } from "./window";

const SCREENS: [string, string][] = [
  ["launch", ""],
  ["launch-practice", "practice"],
  ["launch-error", "error=credit-too-low"],
  ["race-live", "fake=wave-2&t=18.4"],
  ["race-won", "fake=wave-2&t=23.3"],
  ["race-losses", "fake=no-machine&t=24"],
  ["race-throttled", "fake=throttled&t=5"],
  ["race-slow", "fake=slow&t=36"],
  ["restore", "fake=wave-2&t=33.2"],
  ["ready", "fake=wave-2&t=60"],
  ["incomplete", "fake=incomplete&t=70"],
  ["leftovers", "fake=leftovers&t=120"],
  ["cancelled", "fake=cancelled&t=40"],
];

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
    for (const [name, query] of SCREENS) {
      test(name, async ({ page, open }) => {
        await open(lang ? `${query}&lang=${lang}` : query);
        await page.waitForTimeout(550);
        await page.screenshot({ path: `test-results/layout/${name}-${size}.png` });
        expect(await clipped(page)).toEqual([]);
        const sideways = await page
          .locator(".body")
          .evaluate(body => body.scrollWidth - body.clientWidth);
        expect(sideways).toBeLessThanOrEqual(0);
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
