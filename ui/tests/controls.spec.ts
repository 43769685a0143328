// Every control of every screen is listed in controls.md with what it does, and
// does it. `CONTROLS=write` writes the list anew, to be read before it is kept.

import { expect } from "@playwright/test";
import { controlsOf, effectOf, keep, lineOf, SECTIONS, WRITE, written } from "./controls";
import { test } from "./window";

const list = written();

for (const section of SECTIONS) {
  test(section.name, async ({ page, open }) => {
    test.setTimeout(300_000);
    await page.addInitScript(() => {
      Object.defineProperty(navigator, "clipboard", {
        value: {
          writeText: async (text: string) => {
            Object.assign(window, { copied: text });
          },
        },
      });
    });
    const show = async () => {
      await open(section.query.includes("t=") ? section.query : `${section.query}&t=0`);
      await page.waitForTimeout(300);
      await section.open?.(page);
      await page.locator(section.within).first().waitFor();
      // A layer that opens, an answer that comes.
      if (section.open) await page.waitForTimeout(250);
      return controlsOf(page, section.within, section.without);
    };
    const listed = list.get(section.name) ?? new Map<string, string>();
    // A state of a screen lists only what no screen and no layer has.
    const elsewhere = new Set(
      SECTIONS.filter(({ name, rest }) => section.rest && !rest && name !== section.name).flatMap(
        ({ name }) => [...(list.get(name)?.keys() ?? [])],
      ),
    );
    const all = await show();
    const lines = all.map(lineOf).filter(line => listed.has(line) || !elsewhere.has(line));
    if (!WRITE) expect(new Set(lines)).toEqual(new Set(listed.keys()));
    const rows = new Map<string, string>();
    let at = all;
    for (const line of lines) {
      if (rows.size) at = await show();
      const control = at.find(control => lineOf(control) === line);
      if (!control) throw new Error(`${line} is gone`);
      rows.set(line, await effectOf(page, control));
    }
    if (WRITE) return keep(section.name, rows);
    expect(rows).toEqual(listed);
    // Nothing idle, and nothing off without a word why.
    expect([...rows].filter(([, does]) => does === "nothing" || does === "off: ")).toEqual([]);
  });
}
