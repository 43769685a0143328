// The figures on Launch are of the choice that is made, never of the one before.

import type { Page } from "@playwright/test";
import { expect, test } from "./window";

const CHANGES: [string, (page: Page) => Promise<void>][] = [
  ["recipe", page => page.getByRole("radio", { name: /ComfyUI/ }).click()],
  ["snapshot", page => pick(page, "Snapshot", /None, a plain machine/)],
  ["GPU", page => pick(page, "GPU", /H100 SXM/)],
  ["number of GPUs", page => pick(page, "Number of GPUs", /× 2/)],
  ["place", page => pick(page, "Where", /Europe/)],
  ["kind of host", page => page.getByRole("checkbox", { name: "Datacenters only" }).click()],
  [
    "price",
    async page => {
      await page.getByRole("slider", { name: "Price cap" }).focus();
      await page.keyboard.press("ArrowLeft");
    },
  ],
];

async function pick(page: Page, field: string, option: RegExp) {
  await page.getByRole("combobox", { name: field, exact: true }).click();
  await page.getByRole("option", { name: option }).first().click();
}

for (const [what, change] of CHANGES) {
  test(`another ${what} takes the old figures away at once`, async ({ page, open }) => {
    await open("");
    const card = page.getByRole("complementary", { name: "What launching means" });
    const worst = card.locator("dt", { hasText: "Cost, at most" }).locator("+ dd");
    await expect(worst).toHaveText("$0.40");
    await expect(page.getByText("61 offers now")).toBeVisible();
    // From here on nothing answers.
    await page.evaluate(() => window.fakeHost.hold());
    await change(page);
    await expect(card).toHaveAttribute("aria-busy", "true");
    await expect(worst).toHaveText("–");
    await expect(card.locator(".big")).toHaveText("–s");
    await expect(page.getByText("61 offers now")).toBeHidden();
    for (const row of await page.locator(".policy").all()) {
      await expect(row.locator(".figure-n").last()).toHaveText("–");
    }
    await page.evaluate(() => window.fakeHost.release());
    await expect(worst).toHaveText(/^\$/);
    await expect(card).toHaveAttribute("aria-busy", "false");
  });
}

test("another policy shows its own worst cost", async ({ page, open }) => {
  await open("");
  const card = page.getByRole("complementary", { name: "What launching means" });
  const worst = card.locator("dt", { hasText: "Cost, at most" }).locator("+ dd");
  const policy = page.getByRole("radio", { name: /Keep racing/ });
  await expect(worst).toHaveText("$0.40");
  await expect(policy).toContainText("$0.60");
  await policy.click();
  await expect(worst).toHaveText("$0.60");
});
