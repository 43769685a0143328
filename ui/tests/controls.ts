// What can be operated in the window, and what happens when it is.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { LAYERS, SCREENS, STATES } from "./places";

const FILE = join(import.meta.dirname, "controls.md");
const DRAFTS = "test-results/controls";
export const WRITE = process.env.CONTROLS === "write";

interface Section {
  name: string;
  query: string;
  /** What is looked at, and what is another section's. */
  within: string;
  without: string;
  open?: (page: Page) => Promise<void>;
  /** A state of a screen: lists only what no screen and no layer has. */
  rest?: boolean;
}

const SIDE = "nav.side";
const MAIN = "body";
export const SECTIONS: Section[] = [
  { name: "side bar", query: "fake=wave-2&t=60&at=/offers", within: SIDE, without: "" },
  ...SCREENS.map(([name, query]) => ({ name, query, within: MAIN, without: SIDE })),
  ...LAYERS.map(layer => ({ ...layer, without: SIDE })),
  ...STATES.map(([name, query]) => ({ name, query, within: MAIN, without: SIDE, rest: true })),
];

export interface Control {
  /** Where `data-control` marks it on the page. */
  index: number;
  role: string;
  name: string;
  /** Nothing to do: it is off, or is what is chosen. */
  rests: string | null;
}

/** Its line in controls.md. */
export const lineOf = ({ role, name }: Control) => `${role} ${name}`.trim().replaceAll("|", "/");

/** Every control that is seen, those of like rows once. */
export function controlsOf(page: Page, within: string, without: string): Promise<Control[]> {
  return page.evaluate(
    ([within, without]) => {
      const ROLES: Record<string, string> = {
        A: "link",
        BUTTON: "button",
        SUMMARY: "button",
        TEXTAREA: "field",
        TR: "row",
      };
      const TYPES: Record<string, string> = { range: "slider", checkbox: "checkbox" };
      const operable =
        "a[href], button, input, textarea, summary, tr[tabindex='0'], [tabindex='0'][role], " +
        "[role=menuitem], [role=option], [role=treeitem]";
      /** What it says, without what is hidden from readers. */
      const textOf = (element: Element) => {
        const parts: string[] = [];
        const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          if (!walker.currentNode.parentElement?.closest("[aria-hidden=true]")) {
            parts.push(walker.currentNode.textContent?.trim() ?? "");
          }
        }
        return parts.filter(Boolean).join(" ");
      };
      const nameOf = (element: HTMLElement) => {
        const label = document.getElementById(element.getAttribute("aria-labelledby") ?? "");
        const labels = (element as HTMLInputElement).labels;
        return (
          element.getAttribute("aria-label") ??
          ((label ?? labels?.[0]) ? textOf((label ?? labels?.[0]) as Element) : textOf(element))
        ).replace(/\s+/g, " ");
      };
      const seen = new Map<string, { index: number; role: string; name: string; like: number }>();
      const rests = new Map<number, string | null>();
      const root = document.querySelector(within);
      if (!root) throw new Error(`nothing is ${within}`);
      let index = 0;
      for (const element of root.querySelectorAll<HTMLElement>(operable)) {
        const box = element.getBoundingClientRect();
        if (!element.checkVisibility() || box.width < 2 || box.height < 2) continue;
        if (element.closest("[aria-hidden=true], [inert]")) continue;
        if (without && element.closest(without)) continue;
        const role =
          element.role ??
          (element instanceof HTMLInputElement ? TYPES[element.type] : ROLES[element.tagName]) ??
          "field";
        const name = nameOf(element);
        element.dataset.control = `${index}`;
        const row = element.closest("nav")
          ? null
          : element.closest("tr, li, [role=row], [role=treeitem], [role=option]");
        // The same place in every row of one list.
        const own = row ? [...row.querySelectorAll(operable)] : [];
        const place = own.filter(one => one.className === element.className).indexOf(element);
        const list = [...document.querySelectorAll("*")].indexOf(row?.parentElement ?? root);
        const key = row ? `${role} ${element.className} ${list} ${place}` : `${role} ${name}`;
        const before = seen.get(key);
        const off =
          (element as HTMLButtonElement).disabled || element.ariaDisabled === "true"
            ? element.ariaExpanded === "true"
              ? "is open"
              : element.querySelector(".spinner")
                ? "is at it"
                : `off: ${element.title}`
            : null;
        const chosen =
          (role === "radio" && element.ariaChecked === "true") ||
          element.hasAttribute("aria-current") ||
          element.ariaPressed === "true" ||
          (role === "option" && element.ariaSelected === "true")
            ? "is chosen"
            : null;
        const rest = off ?? chosen;
        if (before && (rest !== null || rests.get(before.index) === null)) {
          if (before.name !== name) before.like += 1;
        } else {
          // One that can be operated stands for all that are alike.
          seen.set(key, { index, role, name, like: before ? before.like + 1 : 0 });
          rests.set(index, rest);
        }
        index += 1;
      }
      return [...seen.values()].map(({ index, role, name, like }) => ({
        index,
        role,
        name: like ? `${name} (and alike)` : name,
        rests: rests.get(index) ?? null,
      }));
    },
    [within, without] as const,
  );
}

/** Changes nothing. */
const READS =
  /^(appInfo|guard|launchEstimate|leftovers|linkTake|offersSearch|pruneHint|spend|(preferences|settings)Get|\w+List|snapshot(Tree|Count|CountEach))$/;
/** Asked for again and again, whatever is pressed. */
const POLLS = /^machine(Metrics|Logs)$/;

interface Seen {
  calls: string[];
  title: string;
  layers: string[];
  focus: string;
  copied: string;
  text: string;
}

function look(page: Page): Promise<Seen> {
  return page.evaluate(() => {
    const name = (element: Element) =>
      element.getAttribute("aria-label") ??
      document.getElementById(element.getAttribute("aria-labelledby") ?? "")?.textContent ??
      "";
    const open = "[role=dialog], [role=alertdialog], [role=menu], [role=listbox]";
    const focus = document.activeElement;
    return {
      calls: window.fakeHost.calls.map(([called]) => called),
      title: document.querySelector("h1")?.textContent ?? "",
      layers: [...document.querySelectorAll<HTMLElement>(open)]
        .filter(element => element.checkVisibility())
        .map(element => `${element.role} ${name(element)}`.trim()),
      focus: focus && focus !== document.body ? `${focus.tagName} ${name(focus)}` : "",
      copied: (window as { copied?: string }).copied ?? "",
      text: [
        document.body.innerText,
        ...[...document.querySelectorAll<HTMLInputElement>("input, textarea")].map(
          field => `${field.value} ${field.checked}`,
        ),
        ...[...document.querySelectorAll("[aria-checked], [aria-expanded], [aria-selected]")].map(
          element => `${element.ariaChecked} ${element.ariaExpanded} ${element.ariaSelected}`,
        ),
        ...[...document.querySelectorAll("[aria-current]")].map(element => element.textContent),
        ...[...document.querySelectorAll(".body, .settings-body")].map(body => body.scrollTop),
        document.documentElement.dataset.theme,
        document.querySelector(".app")?.hasAttribute("data-rail"),
      ]
        .join("\n")
        // Of when a list was read, no control knows.
        .replace(/\d\d:\d\d:\d\d/g, ""),
    };
  });
}

/** Operates a control as a person would, and tells what happened. */
export async function effectOf(page: Page, { index, role, rests }: Control): Promise<string> {
  if (rests !== null) return rests;
  const control = page.locator(`[data-control="${index}"]`);
  await control.scrollIntoViewIfNeeded();
  const before = await look(page);
  if (role === "slider") {
    await control.focus();
    await page.keyboard.press("ArrowRight");
  } else if (role === "field" || (await control.evaluate(one => one.tagName === "INPUT"))) {
    const number = (await control.getAttribute("inputmode")) !== null;
    await control.fill(number ? "3" : "other");
    await page.keyboard.press("Tab");
  } else {
    await control.click();
  }
  let after = await look(page);
  for (let tries = 0; tries < 12 && say(before, after) === ""; tries++) {
    await page.waitForTimeout(100);
    after = await look(page);
  }
  // What follows by itself: a new question, another screen, until it is quiet.
  const asked = () =>
    after.calls.filter(call => !POLLS.test(call)).length + Number(after.title !== before.title);
  // A race is never quiet.
  for (let quiet = 0, waits = 0, seen = asked(); quiet < 7 && waits < 20; quiet++, waits++) {
    await page.waitForTimeout(100);
    after = await look(page);
    if (asked() === seen) continue;
    seen = asked();
    quiet = 0;
  }
  return say(before, after) || "nothing";
}

function say(before: Seen, after: Seen): string {
  const calls = [...new Set(after.calls.slice(before.calls.length))].filter(
    call => !POLLS.test(call),
  );
  const opened = after.layers.filter(layer => !before.layers.includes(layer));
  const closed = before.layers.filter(layer => !after.layers.includes(layer));
  const said = [
    ...calls.filter(call => !READS.test(call)).map(call => `\`${call}\``),
    ...(after.title === before.title ? [] : [`shows ${after.title}`]),
    ...opened.map(layer => `opens ${layer}`),
    ...closed.map(layer => `closes ${layer}`),
    ...(after.copied === before.copied ? [] : ["copies"]),
  ];
  if (said.length === 0) {
    if (after.text !== before.text) said.push("changes what is shown");
    said.push(...calls.map(call => `asks \`${call}\``));
  }
  return said.join(", ");
}

/** The sections of controls.md: control, what it does. */
export function written(): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  if (!existsSync(FILE)) return sections;
  let rows: Map<string, string> | null = null;
  for (const line of readFileSync(FILE, "utf8").split("\n")) {
    const [, head] = /^## (.+)$/.exec(line) ?? [];
    if (head) {
      rows = new Map();
      sections.set(head, rows);
    }
    const [, control, does] = /^\| (.+) \| (.+) \|$/.exec(line) ?? [];
    if (rows && control && does && control !== "control") rows.set(control, does);
  }
  return sections;
}

/** Keeps what a section was found to hold, until all are found. */
export function keep(section: string, rows: Map<string, string>) {
  mkdirSync(DRAFTS, { recursive: true });
  writeFileSync(join(DRAFTS, `${section}.json`), JSON.stringify([...rows]));
}

const HEAD = `# Every control and what it does

One section a screen, a layer over one, or a state with controls of its own; the
names are those of \`places.ts\`. \`controls.spec.ts\` finds every control that is
seen, operates it on the fake host, and fails when one is not listed, does
nothing, or does something else. Commands of the engine stand in \`code\`.
\`(and alike)\`: the same control stands in every row of a list.
`;

/** Writes controls.md from what was kept. */
export function writeControls() {
  const seen = new Set<string>();
  const parts = SECTIONS.flatMap(({ name, rest }) => {
    const file = join(DRAFTS, `${name}.json`);
    if (!existsSync(file)) return [];
    const rows = JSON.parse(readFileSync(file, "utf8")) as [string, string][];
    const mine = rows.filter(([control]) => !rest || !seen.has(control));
    if (!rest) for (const [control] of rows) seen.add(control);
    if (mine.length === 0) return [];
    const lines = mine.map(([control, does]) => `| ${control} | ${does} |`);
    return [`## ${name}\n\n| control | does |\n|---|---|\n${lines.join("\n")}\n`];
  });
  writeFileSync(FILE, [HEAD, ...parts].join("\n"));
}
