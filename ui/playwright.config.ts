import { defineConfig } from "@playwright/test";

// One build, one server on a port the kernel picks, the system's Chromium.
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results/failures",
  globalSetup: "./tests/serve.ts",
  workers: 2,
  fullyParallel: true,
  timeout: 60_000,
  reporter: [["list"]],
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--force-color-profile=srgb", "--font-render-hinting=none"],
    },
    viewport: { width: 1280, height: 820 },
    locale: "en-US",
    timezoneId: "UTC",
    colorScheme: "dark",
    reducedMotion: "no-preference",
  },
});
