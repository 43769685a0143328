// What moves, what stands still, and what changes by itself.

import { expect, test } from "./window";

test("the bars, the clock and the playhead run on between facts", async ({ page, open }) => {
  await open("fake=wave-2&speed=1");
  await page.evaluate(() => window.fakeHost.seek(5));
  const read = () =>
    page.evaluate(() => {
      const segment = document.querySelector<HTMLElement>('[data-lane="1"] .seg.boot');
      const head = document.querySelector<HTMLElement>(".playhead");
      return {
        boot: Number.parseFloat(segment?.style.width ?? "0"),
        head: Number.parseFloat(head?.style.transform.slice("translateX(".length) ?? "0"),
        clock: Number.parseFloat(document.querySelector(".clock")?.textContent ?? "0"),
      };
    });
  const first = await read();
  await expect.poll(async () => (await read()).boot).toBeGreaterThan(first.boot);
  await expect.poll(async () => (await read()).head).toBeGreaterThan(first.head);
  await expect.poll(async () => (await read()).clock).toBeGreaterThan(first.clock);
});

test("the win grows its lane, stops the clock and leads to the restore", async ({ page, open }) => {
  await open("fake=wave-2&t=21.5");
  const lane = page.locator('[data-lane="8"]');
  expect((await lane.boundingBox())?.height).toBe(28);
  await page.evaluate(() => window.fakeHost.play(1));
  await expect(page.getByRole("heading", { name: "Race, won" })).toBeVisible();
  await expect(page.getByRole("alert")).toContainText("08 Wilmington wins.");
  await expect.poll(async () => (await lane.boundingBox())?.height).toBe(36);
  const clock = await page.locator(".clock").textContent();
  await page.screenshot({ path: "test-results/screens/win-moment.png" });
  await expect(page.locator(".clock")).toHaveText(clock ?? "");
  await expect(page.getByRole("heading", { name: "Restore" })).toBeVisible();
  await page.evaluate(() => window.fakeHost.play(20));
  await expect(page.getByText("Ready in")).toBeVisible();
});

test("the winner's first report is told when it was seen to come", async ({ page, open }) => {
  await open("fake=wave-2&t=21");
  await page.evaluate(() => window.fakeHost.play(1));
  await expect(page.getByRole("alert")).toContainText("GPU visible, disk free 412 GB");
});

test("with less motion the clock steps once a second", async ({ page, open }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open("fake=wave-2&speed=1");
  await page.evaluate(() => window.fakeHost.seek(3));
  const seen = await page.evaluate(
    () =>
      new Promise<number>(resolve => {
        const texts = new Set<string>();
        const observer = new MutationObserver(() => {
          texts.add(document.querySelector(".clock")?.textContent ?? "");
        });
        observer.observe(document.querySelector(".clock") as Node, {
          subtree: true,
          childList: true,
          characterData: true,
        });
        setTimeout(() => resolve(texts.size), 3_300);
      }),
  );
  expect(seen).toBeGreaterThanOrEqual(2);
  expect(seen).toBeLessThanOrEqual(4);
  const duration = await page
    .locator('[data-lane="1"]')
    .evaluate(lane => getComputedStyle(lane).transitionDuration);
  expect(duration).toBe("0s");
});

test("a hidden window draws nothing", async ({ page, open }) => {
  await open("fake=wave-2&speed=1");
  await page.evaluate(() => window.fakeHost.seek(5));
  const frames = (hidden: boolean) =>
    page.evaluate(async hidden => {
      let asked = 0;
      const ask = window.requestAnimationFrame;
      window.requestAnimationFrame = callback => {
        asked += 1;
        return ask.call(window, callback);
      };
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
      await new Promise(resolve => setTimeout(resolve, 700));
      window.requestAnimationFrame = ask;
      return asked;
    }, hidden);
  expect(await frames(true)).toBe(0);
  expect(await frames(false)).toBeGreaterThan(5);
});

test("a cancelled race ends when everything is gone", async ({ page, open }) => {
  await open("fake=wave-2&t=9");
  await page.getByRole("button", { name: /Cancel and destroy all/ }).click();
  await page
    .getByRole("alertdialog")
    .getByRole("button", { name: "Cancel and destroy all" })
    .click();
  await expect(page.getByText(/Cancelling\. \d+ machines/)).toBeVisible();
  await page.evaluate(() => window.fakeHost.play(4));
  await expect(page.getByText("Cancelled after 9.0 s")).toBeVisible();
  await expect(page.getByText("Confirmed", { exact: true })).toBeVisible();
});

test("a restore past its limit says so", async ({ page, open }) => {
  await open("fake=extended&t=110");
  await page.evaluate(() => window.fakeHost.play(4));
  await expect(page.getByText("The restore may pass its 120 s limit")).toBeVisible();
  await expect(page.getByText("it goes on while you work", { exact: false })).toBeVisible();
});
