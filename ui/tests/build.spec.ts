// What ships: no fake host, nothing inline, nothing from elsewhere.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";
import { build, preview } from "vite";

const OUT = "test-results/production";

base("the shipped build", async ({ page }) => {
  await build({ logLevel: "warn", build: { outDir: OUT } });
  const html = readFileSync(join(OUT, "index.html"), "utf8");
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|javascript:| on\w+=/);
  expect(html).not.toMatch(/https?:\/\//);
  const assets = readdirSync(join(OUT, "assets"));
  const code = assets
    .filter(file => /\.(js|css)$/.test(file))
    .map(file => readFileSync(join(OUT, "assets", file), "utf8"))
    .join("\n");
  expect(code).not.toContain("Wilmington");
  expect(code).not.toMatch(/\beval\(|new Function\(/);
  expect(code).not.toMatch(/url\((["']?)(https?:|data:)/);

  const server = await preview({
    logLevel: "warn",
    build: { outDir: OUT },
    preview: { port: 0, host: "127.0.0.1" },
  });
  const address = server.httpServer.address();
  const port = address && typeof address === "object" ? address.port : 0;
  // In a browser there is no engine: the page says so, whatever the address asks for.
  await page.goto(`http://127.0.0.1:${port}/?fake=wave-2`);
  await expect(page.getByText("This page needs the desktop app")).toBeVisible();
  await server.close();
});
