// The window without a mouse.

import { calls, expect, test } from "./window";

test("Enter launches what the form says", async ({ page, open }) => {
  await open("");
  await expect(page.getByText("61 offers now")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Race" })).toBeVisible();
  const [request] = (await calls(page, "runLaunch")) as [{ recipe: { name: string } }];
  expect(request.recipe.name).toBe("musetalk");
  // What was predicted stands beside the clock.
  await expect(page.getByText("predicted, 16 to 29 s")).toBeVisible();
});

test("Enter in the price field sets the cap and launches nothing", async ({ page, open }) => {
  await open("");
  const field = page.getByRole("textbox", { name: "Price cap in dollars per hour" });
  await field.fill("0.35");
  await field.press("Enter");
  await expect(page.getByText("13 offers now")).toBeVisible();
  expect(await calls(page, "runLaunch")).toEqual([]);
  await field.fill("9 9");
  await field.press("Enter");
  await expect(page.getByText("A price is a number such as 0.60")).toBeVisible();
  await expect(field).toHaveAttribute("aria-invalid", "true");
});

test("arrows choose recipe, policy and price", async ({ page, open }) => {
  await open("");
  await page.getByRole("radio", { name: /MuseTalk/ }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("radio", { name: /ComfyUI/ })).toBeChecked();
  await page.getByRole("radio", { name: /Strict 10 s/ }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: /Keep racing/ })).toBeChecked();
  const slider = page.getByRole("slider", { name: "Price cap" });
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("textbox", { name: /Price cap/ })).toHaveValue("0.46");
  await expect
    .poll(async () => {
      const last = (await calls(page, "launchEstimate")).at(-1) as {
        recipe: { name: string; policy: string; filter: { max_price: number } };
      };
      return [last.recipe.name, last.recipe.filter.max_price];
    })
    .toEqual(["comfyui", 460_000]);
});

test("a field is chosen from with keys alone", async ({ page, open }) => {
  await open("");
  await page.getByRole("combobox", { name: "Snapshot" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("listbox")).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("combobox", { name: "Snapshot" })).toHaveText(
    "None, a plain machine",
  );
  expect(await calls(page, "runLaunch")).toEqual([]);
  await page.getByRole("combobox", { name: "GPU", exact: true }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.type("H100 S");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("combobox", { name: "GPU", exact: true })).toHaveText("H100 SXM");
});

test("several changes are one question", async ({ page, open }) => {
  await page.clock.install();
  await open("");
  await expect(page.getByText("61 offers now")).toBeVisible();
  // However slow this computer is, the presses come within a moment.
  await page.clock.pauseAt(Date.now() + 5_000);
  const before = (await calls(page, "launchEstimate")).length;
  const slider = page.getByRole("slider", { name: "Price cap" });
  await slider.focus();
  for (let press = 0; press < 5; press++) await page.keyboard.press("ArrowLeft");
  await page.clock.resume();
  await expect(page.getByText("59 offers now")).toBeVisible();
  // The chosen policy's, then the two others.
  await expect.poll(async () => (await calls(page, "launchEstimate")).length).toBe(before + 3);
});

test("W starts the next wave", async ({ page, open }) => {
  await open("fake=wave-2&t=4");
  await expect(page.getByRole("button", { name: "Start wave 2 now W" })).toBeVisible();
  await page.keyboard.press("w");
  await expect.poll(() => calls(page, "runNextWave")).toHaveLength(1);
});

test("Escape asks, a second Escape within 3 s destroys all", async ({ page, open }) => {
  await open("fake=wave-2&t=8");
  await page.keyboard.press("Escape");
  const dialog = page.getByRole("alertdialog", { name: "Cancel and destroy all?" });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByText("Press Esc again within 3 s")).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Keep racing" })).toBeFocused();
  expect(await calls(page, "runCancel")).toEqual([]);
  await page.keyboard.press("Escape");
  await expect.poll(() => calls(page, "runCancel")).toHaveLength(1);
  await expect(page.getByRole("button", { name: "Cancelling" })).toBeDisabled();
});

test("after 3 s Escape only closes the question", async ({ page, open }) => {
  await page.clock.install();
  await open("fake=wave-2&t=8");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await page.clock.runFor(3_100);
  await expect(page.getByText("Press Esc again")).toBeHidden();
  await page.keyboard.press("Escape");
  await page.clock.runFor(500);
  await expect(page.getByRole("alertdialog")).toBeHidden();
  expect(await calls(page, "runCancel")).toEqual([]);
});

test("after the critical mark Escape never destroys", async ({ page, open }) => {
  await open("fake=wave-2&t=33");
  await page.keyboard.press("Escape");
  const dialog = page.getByRole("alertdialog");
  await expect(dialog.getByText("work may have begun", { exact: false })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  expect(await calls(page, "runCancel")).toEqual([]);
});

test("destroying asks first, and Cancel has the focus", async ({ page, open }) => {
  await open("fake=wave-2&t=60");
  await page.getByRole("button", { name: "Destroy" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog", { name: "Destroy 08 Wilmington, US?" });
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  expect(await calls(page, "machineDestroy")).toEqual([]);

  await page.getByRole("button", { name: "Destroy" }).click();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect.poll(() => calls(page, "machineDestroy")).toEqual(["7835656"]);
  await expect(page.getByRole("button", { name: "Destroying" })).toBeDisabled();
  await page.evaluate(() => window.fakeHost.seek(65));
  await expect(page.getByText("Gone, confirmed 12:03:35")).toBeVisible();
});

test("sections are a key away", async ({ page, open }) => {
  await open("fake=wave-2&t=60");
  await page.keyboard.press("Control+1");
  await expect(page.getByRole("heading", { name: "Launch" })).toBeVisible();
  for (const [key, name] of [
    ["2", "Machines"],
    ["3", "Snapshots"],
    ["4", "Offers"],
    ["5", "Hosts"],
    [",", "Settings"],
  ] as const) {
    await page.keyboard.press(`Control+${key}`);
    await expect(page.getByRole("heading", { name, exact: true, level: 1 })).toBeVisible();
  }
  await page.keyboard.press("Control+1");
  const side = page.getByText("Dumont Cloud", { exact: true });
  await expect(side).toBeVisible();
  await page.keyboard.press("Control+\\");
  await expect(side).toBeHidden();
});

test("all lanes stay within reach after the race", async ({ page, open }) => {
  await open("fake=wave-2&t=60");
  await page.getByRole("link", { name: "All 15 lanes" }).first().click();
  await expect(page.locator("[data-lane]")).toHaveCount(15);
  await page.getByRole("link", { name: "Ready" }).click();
  await expect(page.getByText("Ready in")).toBeVisible();
});

test("focus is always seen", async ({ page, open }) => {
  await open("");
  for (let press = 0; press < 11; press++) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      let at = document.activeElement as HTMLElement | null;
      for (let up = 0; at && up < 3; up++, at = at.parentElement) {
        if (getComputedStyle(at).outlineStyle !== "none") return true;
      }
      return false;
    });
    expect(seen, `press ${press + 1}`).toBe(true);
  }
});
