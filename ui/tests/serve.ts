// Serves the built window with the fake host, on a port the kernel picks.

import { preview } from "vite";
import { WRITE, writeControls } from "./controls";
import { writeGallery } from "./gallery";

export default async function serve() {
  const server = await preview({
    mode: "fake",
    logLevel: "warn",
    build: { outDir: "test-results/site" },
    preview: { port: 0, strictPort: false, host: "127.0.0.1" },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  process.env.UI_URL = `http://127.0.0.1:${address.port}`;
  return async () => {
    await server.close();
    writeGallery();
    if (WRITE) writeControls();
  };
}
