// After a walk: one page of every picture taken, state by state, to look at.
// The states named `recorded-…` are told from streams the engine recorded.

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { LAYERS, SCREENS, STATES } from "./places";

const OUT = "test-results";

export function writeGallery() {
  const names = [...SCREENS, ...STATES].map(([name]) => name);
  const all = [...names, ...LAYERS.map(({ name }) => name)];
  const pictures = picturesIn("screens");
  const rows = all.flatMap(name => {
    const mine = pictures.filter(file => new RegExp(`^${name}-(dark|light|hc|forced)-`).test(file));
    return mine.length ? [section(name, "screens", mine)] : [];
  });
  const beside = picturesIn("beside");
  const layout = picturesIn("layout");
  writeFileSync(
    `${OUT}/gallery.html`,
    `<!doctype html><meta charset="utf-8"><title>Dumont Cloud, every state</title>
<style>body{font:13px sans-serif;background:#222;color:#ddd;margin:24px}
div{display:grid;grid-template-columns:repeat(auto-fill,minmax(360px,1fr));gap:12px}
figure{margin:0}img{width:100%}</style>
${rows.join("\n")}
${beside.length ? section("beside the mock-ups", "beside", beside) : ""}
${layout.length ? section("small windows, long words, large text", "layout", layout) : ""}
`,
  );
}

function picturesIn(folder: string): string[] {
  const path = `${OUT}/${folder}`;
  return existsSync(path) ? readdirSync(path).sort() : [];
}

function section(title: string, folder: string, files: string[]): string {
  const figures = files.map(
    file =>
      `<figure><a href="${folder}/${file}"><img loading="lazy" src="${folder}/${file}"></a><figcaption>${file}</figcaption></figure>`,
  );
  return `<h2>${title}</h2><div>${figures.join("")}</div>`;
}
