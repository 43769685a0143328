import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The policy the window runs under; `vite preview` sends it too, so that the
// browser tests fail on anything it would block.
const csp = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
].join("; ");

export default defineConfig({
  plugins: [react(), tailwindcss()],
  clearScreen: false,
  server: { host: "127.0.0.1", port: 1420, strictPort: true },
  preview: {
    host: "127.0.0.1",
    headers: { "Content-Security-Policy": csp },
  },
  build: {
    target: ["chrome111", "safari16.4"],
    assetsInlineLimit: 0,
    // One sheet: the order of rules does not hang on which screen came first.
    cssCodeSplit: false,
    emptyOutDir: true,
    chunkSizeWarningLimit: 900,
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/app/test-setup.ts"],
    css: false,
  },
});
