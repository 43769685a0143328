// The window under test: opened on the fake host, watched for anything the
// content security policy would block and for any word to another host.

import { test as base, expect, type Page } from "@playwright/test";
import axeCore from "axe-core";
import type { FakeHost } from "../src/host/fake";

export type FakeWindow = Pick<
  FakeHost,
  "seek" | "play" | "calls" | "emit" | "follow" | "beginElsewhere" | "hold" | "release"
>;

declare global {
  interface Window {
    fakeHost: FakeWindow;
    axe: { run(context: unknown, options: unknown): Promise<{ violations: Violation[] }> };
    blocked: string[];
  }
}

interface Violation {
  id: string;
  nodes: { target: string[]; failureSummary?: string }[];
}

export const test = base.extend<{ open: (query: string) => Promise<void> }>({
  open: async ({ page }, use) => {
    const url = process.env.UI_URL ?? "";
    const problems: string[] = [];
    page.on("pageerror", error => problems.push(`error: ${error.message}`));
    page.on("console", message => {
      if (message.type() === "error" || message.type() === "warning") {
        problems.push(`console: ${message.text()}`);
      }
    });
    page.on("request", request => {
      if (!request.url().startsWith(url)) problems.push(`asked ${request.url()}`);
    });
    await page.addInitScript(() => {
      window.blocked = [];
      document.addEventListener("securitypolicyviolation", event => {
        window.blocked.push(`${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await use(async query => {
      await page.goto(`${url}/?${query}`);
      await page.locator("h1").waitFor();
      await page.evaluate(() => document.fonts.ready);
    });
    problems.push(...(await page.evaluate(() => window.blocked ?? [])));
    expect(problems).toEqual([]);
  },
});

export { expect };

/** The calls the window made, by name. */
export async function calls(page: Page, name: string): Promise<unknown[]> {
  const all = await page.evaluate(() => window.fakeHost.calls);
  return all.filter(([called]) => called === name).map(([, value]) => value);
}

/** What axe-core holds against the page, by all rules or these. */
export async function axe(page: Page, only?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeCore.source);
  const { violations } = await page.evaluate(only => {
    // A list over the page belongs to its button and lies in no landmark.
    const region = !document.querySelector("[role=listbox]:not([role=dialog] *), [role=menu]");
    const all = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    return window.axe.run(
      document,
      only ? { runOnly: only } : { runOnly: all, rules: { region: { enabled: region } } },
    );
  }, only);
  return violations.flatMap(violation =>
    violation.nodes.map(
      node => `${violation.id}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`,
    ),
  );
}

/** Texts that are cut off without a tooltip, lie over each other, or stand outside. */
export function clipped(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found = new Set<string>();
    // What lies under an open dialog or list is not read.
    const layers = "[role=alertdialog], [role=dialog], [role=menu], [role=listbox]";
    const over = document.querySelector(layers) ?? document.body;
    const seen: { name: string; left: number; right: number; top: number; bottom: number }[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent?.trim();
      const element = walker.currentNode.parentElement;
      if (!text || !element?.checkVisibility()) continue;
      if (element.closest(".sr, script") || !over.contains(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      const box = range.getBoundingClientRect();
      if (box.width === 0) continue;
      const name = `"${text.slice(0, 50)}"`;
      let folded = false;
      for (
        let at: HTMLElement | null = element;
        at && !at.matches(".body, .side");
        at = at.parentElement
      ) {
        const style = getComputedStyle(at);
        if (style.overflowX !== "hidden" && style.overflowX !== "clip") continue;
        const edge = at.getBoundingClientRect();
        if (box.right <= edge.right + 1 && box.left >= edge.left - 1) continue;
        if (style.textOverflow === "ellipsis" && element.closest("[title]")) {
          folded = true;
          break;
        }
        found.add(`cut: ${name} by .${at.className}`);
        break;
      }
      if (!folded && (box.right > innerWidth + 1 || box.left < -1)) found.add(`outside: ${name}`);
      const button = element.closest(".btn, .tag, .kbd");
      if (button && box.height > 26) found.add(`wraps: ${name}`);
      if (element.closest(".launch-go, .bubble")) continue;
      const lines: typeof seen = [];
      for (const line of range.getClientRects()) {
        // The line's box is higher than its letters.
        const air = line.height * 0.2;
        let { left, right } = line;
        let top = line.top + air;
        let bottom = line.bottom - air;
        // What is left of it after every ancestor has cut it.
        for (let at: HTMLElement | null = element; at; at = at.parentElement) {
          if (getComputedStyle(at).overflowX === "visible") continue;
          const edge = at.getBoundingClientRect();
          left = Math.max(left, edge.left);
          right = Math.min(right, edge.right);
          top = Math.max(top, edge.top);
          bottom = Math.min(bottom, edge.bottom);
        }
        if (right - left > 2 && bottom - top > 2) lines.push({ name, left, right, top, bottom });
      }
      for (const line of lines) {
        for (const other of seen) {
          const wide = Math.min(line.right, other.right) - Math.max(line.left, other.left);
          const high = Math.min(line.bottom, other.bottom) - Math.max(line.top, other.top);
          if (wide > 2 && high > 2) found.add(`overlap: ${name} ${other.name}`);
        }
      }
      seen.push(...lines);
    }
    return [...found];
  });
}

/** What can be scrolled to the side. */
export function sideways(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("*")]
      .filter(
        element =>
          /auto|scroll/.test(getComputedStyle(element).overflowX) &&
          element.scrollWidth > element.clientWidth &&
          !element.matches("textarea, pre"),
      )
      .map(element => `${element.tagName.toLowerCase()}.${element.className}`),
  );
}

/** Whether all of it stands inside the window. */
export async function inView(page: Page, selector: string): Promise<boolean> {
  return page.locator(selector).evaluate(element => {
    const box = element.getBoundingClientRect();
    return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
  });
}
