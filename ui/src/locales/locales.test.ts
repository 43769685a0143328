// Every word is there, in both languages, and used.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import en from "./en";
import desktopEn from "./en/desktop.json";
import ptBR from "./pt-BR";
import desktopPtBR from "./pt-BR/desktop.json";

interface Words {
  [key: string]: string | Words;
}

function flat(words: Words, path = ""): Map<string, string> {
  return new Map(
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === "string"
        ? [[path + key, value] as const]
        : [...flat(value, `${path}${key}.`)],
    ),
  );
}

const PLURAL = /_(zero|one|two|few|many|other)$/;
// The shell's own words, of tray and notifications, stand beside the page's.
const english = flat({ ...en, desktop: desktopEn });
const portuguese = flat({ ...ptBR, desktop: desktopPtBR });
const bare = (keys: Iterable<string>) =>
  [...new Set([...keys].map(key => key.replace(PLURAL, "")))].sort();
const variables = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(match => match[1]);

/** Everything the sources say: literals, and templates as patterns. */
function spoken() {
  const literals = new Set<string>();
  const patterns: RegExp[] = [];
  const prose: string[] = [];
  const root = join(import.meta.dirname, "..");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    file => /\.tsx?$/.test(file) && !file.includes("test") && file !== "bindings.ts",
  );
  for (const file of files) {
    const source = ts.createSourceFile(
      file,
      readFileSync(join(root, file), "utf8"),
      ts.ScriptTarget.Latest,
      true,
      file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
    );
    const visit = (node: ts.Node) => {
      if (ts.isStringLiteralLike(node)) literals.add(node.text);
      if (ts.isTemplateExpression(node) && Object.hasOwn(en, node.head.text.split(".")[0] ?? "")) {
        const parts = [node.head.text, ...node.templateSpans.map(span => span.literal.text)];
        patterns.push(new RegExp(`^${parts.map(RegExp.escape).join("[^.]+")}$`));
      }
      if (ts.isJsxText(node) && /\p{L}/u.test(node.text)) {
        prose.push(`${file}: ${node.text.trim()}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  const shell = join(root, "../../src-tauri/src");
  for (const file of readdirSync(shell, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".rs")) continue;
    for (const [, key] of readFileSync(join(shell, file), "utf8").matchAll(
      /"(desktop\.[\w.]+)"/g,
    )) {
      literals.add(key ?? "");
    }
  }
  return { literals, patterns, prose };
}

// Node 20 has no RegExp.escape yet.
RegExp.escape ??= (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

declare global {
  interface RegExpConstructor {
    escape(text: string): string;
  }
}

describe("the words", () => {
  it("are the same in both languages", () => {
    expect(bare(portuguese.keys())).toEqual(bare(english.keys()));
  });

  it.each([
    ["en", english],
    ["pt-BR", portuguese],
  ])("have every plural form of %s", (language, words) => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const key of words.keys()) {
      if (!PLURAL.test(key)) continue;
      for (const form of forms) {
        expect(words.has(key.replace(PLURAL, `_${form}`)), `${key}: ${form}`).toBe(true);
      }
    }
  });

  it("take the same figures in both languages", () => {
    for (const [key, text] of portuguese) {
      const base = key.replace(PLURAL, "");
      const ours = english.get(key) ?? english.get(`${base}_other`) ?? english.get(base) ?? "";
      const allowed = new Set(variables(ours));
      for (const name of variables(text)) expect(allowed, key).toContain(name);
      if (!PLURAL.test(key)) expect(variables(text).sort(), key).toEqual(variables(ours).sort());
    }
  });

  it("are all used", () => {
    const { literals, patterns } = spoken();
    const unused = bare(english.keys()).filter(
      key => !literals.has(key) && !patterns.some(pattern => pattern.test(key)),
    );
    expect(unused).toEqual([]);
  });

  it("are all there", () => {
    const { literals } = spoken();
    const names = [...Object.keys(en), "desktop"].join("|");
    const known = new Set(bare(english.keys()));
    const missing = [...literals].filter(
      text => new RegExp(`^(${names})\\.[\\w.-]+$`).test(text) && !known.has(text),
    );
    expect(missing).toEqual([]);
  });

  it("are never written into the screens", () => {
    const { prose } = spoken();
    const names = /: (s|h|\/h|GB|Dumont Cloud|Enter|Esc|[BRW])$/;
    expect(prose.filter(text => !names.test(text))).toEqual([]);
  });

  it("promise nothing and shout at nobody", () => {
    for (const words of [english, portuguese]) {
      for (const [key, text] of words) expect(text, key).not.toMatch(/!|oops|provision/i);
    }
  });
});
