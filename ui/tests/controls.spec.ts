// Every control of every screen is listed in controls.md with what it does, and
// does it. `CONTROLS=write` writes the list anew, to be read before it is kept.

import { existsSync, writeFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { controlsOf, effectOf, FILE, lineOf, written } from "./controls";
import { LAYERS, SCREENS, STATES } from "./places";
import { expect, test } from "./window";

const WRITE = process.env.CONTROLS === "write";
const list = existsSync(FILE) ? written() : new Map<string, Map<string, string>>();
const fresh: [string, [string, string][]][] = [];
const known = new Set<string>();

interface Section {
  name: string;
  query: string;
  /** What is looked at, and what is another section's. */
  within: string;
  without: string;
  open?: (page: Page) => Promise<void>;
  /** Only what no screen has. */
  rest?: boolean;
}

const SIDE = "nav.side";
const MAIN = "body";
const sections: Section[] = [
  { name: "side bar", query: "fake=wave-2&t=60&at=/offers", within: SIDE, without: "" },
  ...SCREENS.map(([name, query]) => ({ name, query, within: MAIN, without: SIDE })),
  ...LAYERS.map(layer => ({ ...layer, without: SIDE })),
  ...STATES.map(([name, query]) => ({ name, query, within: MAIN, without: SIDE, rest: true })),
];

for (const section of sections) {
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
      return controlsOf(page, section.within, section.without);
    };
    const listed = list.get(section.name) ?? new Map<string, string>();
    const elsewhere = new Set(
      WRITE
        ? known
        : [...list].flatMap(([name, rows]) => (name === section.name ? [] : [...rows.keys()])),
    );
    const all = await show();
    const lines = all
      .map(lineOf)
      .filter(line => !section.rest || listed.has(line) || !elsewhere.has(line));
    if (!WRITE) expect(new Set(lines)).toEqual(new Set(listed.keys()));
    const rows: [string, string][] = [];
    let at = all;
    for (const line of lines) {
      if (rows.length) at = await show();
      const control = at.find(control => lineOf(control) === line);
      if (!control) throw new Error(`${line} is gone`);
      rows.push([line, await effectOf(page, control)]);
    }
    if (WRITE) {
      fresh.push([section.name, rows]);
      for (const [line] of rows) known.add(line);
    } else {
      expect(new Map(rows)).toEqual(listed);
    }
    expect(rows.filter(([, does]) => does === "nothing")).toEqual([]);
  });
}

test.afterAll(() => {
  if (!WRITE || fresh.length === 0) return;
  const text = fresh
    .filter(([, rows]) => rows.length)
    .map(([name, rows]) =>
      [
        `## ${name}`,
        "",
        "| control | does |",
        "|---|---|",
        ...rows.map(([control, does]) => `| ${control} | ${does} |`),
        "",
      ].join("\n"),
    );
  writeFileSync(FILE, [HEAD, ...text].join("\n"));
});

const HEAD = `# Every control and what it does

One section a screen, a layer over one, or a state with controls of its own; the
names are those of \`places.ts\`. \`controls.spec.ts\` finds every control that is
seen, operates it on the fake host, and fails when one is not listed, does
nothing, or does something else. Commands of the engine stand in \`code\`.
\`(and alike)\`: the same control stands in every row of a list.
`;
