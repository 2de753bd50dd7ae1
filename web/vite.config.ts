import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { sourceHash } from "./sources";

const root = fileURLToPath(new URL(".", import.meta.url));

/** Write down which sources the build was made from; a test compares. */
function recorded(): Plugin {
  return {
    name: "recorded",
    generateBundle() {
      const source = `${JSON.stringify({ source: sourceHash(root) })}\n`;
      this.emitFile({ type: "asset", fileName: "build.json", source });
    },
  };
}

export default defineConfig({
  root,
  plugins: [recorded()],
  build: {
    outDir: "../src/verilens/server/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy of the page lets no data: fonts in
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev` beside `python tests/web/page_stub.py` or `verilens serve`.
    proxy: { "/v1": process.env.VERILENS_SERVER ?? "http://127.0.0.1:8000" },
  },
  test: { environment: "jsdom", include: ["test/**/*.test.ts", "test/**/*.test.tsx"] },
});
