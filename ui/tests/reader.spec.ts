// What a screen reader hears.

import { expect, test } from "./window";

test("lanes are one list, each lane one sentence", async ({ page, open }) => {
  await open("fake=wave-2&t=18.4");
  const lanes = page.getByRole("region", { name: "Machines in the race" }).locator("li[data-lane]");
  await expect(lanes).toHaveCount(15);
  await expect(page.locator("ol > li[data-lane]")).toHaveCount(15);
  // Spoken once a second: what is hidden from readers may move faster.
  const spoken = await lanes.evaluateAll(items =>
    items.map(item => item.querySelector(":scope > .sr")?.textContent?.replaceAll("\u00a0", " ")),
  );
  expect(spoken[0]).toBe(
    "Lane 1. Vast.ai, RTX 4090, Montréal, CA, $0.392 an hour. Out: Too slow in boot, 10.0 s. Confirmed gone.",
  );
  expect(spoken[1]).toContain("Never rented, no charge.");
  expect(spoken[7]).toMatch(/^Lane 8\. .* Boot, [67]\.\d of 10 s\.$/);
  expect(spoken[10]).toBe(
    "Lane 11. Vast.ai, RTX 4090, Helsinki, FI, $0.421 an hour. Standing by, starts at 20.3 s.",
  );
  const rest = await lanes.evaluateAll(items =>
    items.flatMap(item =>
      [...item.children].filter(child => !child.matches(".sr, [aria-hidden=true]")),
    ),
  );
  expect(rest).toHaveLength(0);
});

test("the clock is a silent timer, and one polite line tells the race", async ({ page, open }) => {
  await open("fake=wave-2&t=18.4");
  await expect(page.getByRole("timer", { name: "Race clock" })).toHaveText("18.4s");
  await expect(page.locator("[aria-live=polite]")).toHaveCount(1);
  await expect(page.locator("[aria-live=polite]")).toHaveText(/04 EU-RO-1 has 3\.\d\ss left/);
});

test("the polite line says at most one thing every two seconds", async ({ page, open }) => {
  await open("fake=no-machine&speed=1");
  const said = await page.evaluate(
    () =>
      new Promise<number>(resolve => {
        let changes = 0;
        const line = document.querySelector("[aria-live=polite]") as Node;
        new MutationObserver(() => {
          changes += 1;
        }).observe(line, { childList: true, characterData: true, subtree: true });
        setTimeout(() => resolve(changes), 5_000);
      }),
  );
  expect(said).toBeGreaterThan(0);
  expect(said).toBeLessThanOrEqual(3);
});

test("the win is said at once", async ({ page, open }) => {
  await open("fake=wave-2&t=23.3");
  await expect(page.getByRole("alert")).toContainText("08 Wilmington wins.");
});

test("leftovers are an alert", async ({ page, open }) => {
  await open("fake=leftovers&t=120");
  await expect(page.getByRole("alert")).toContainText("2 machines may still be running");
});
