import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { brotliCompress, constants, gzip } from "node:zlib";
import { promisify } from "node:util";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react(), precompress()],
  build: {
    target: "es2023",
    outDir: "dist",
    emptyOutDir: true,
    // Sizes are reported by `npm run bench`, compressed as they travel.
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000,
    manifest: true,
    // What six chunks share is loaded at once: a first page of 17 files, where one chunk per set of sharers made 59.
    rolldownOptions: { output: { advancedChunks: { groups: [{ name: "shared", minShareCount: 6 }] } } },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    reporters: ["./testing/reporter.ts"],
  },
});

/** Writes `.br` and `.gz` beside what compresses, so that the manager never compresses anything itself. */
function precompress(): Plugin {
  let folder = "";
  return {
    name: "precompress",
    apply: "build",
    configResolved({ root, build }) {
      folder = resolve(root, build.outDir, "assets");
    },
    async closeBundle() {
      for (const name of await readdir(folder).catch(() => [] as string[])) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const path = join(folder, name);
        const bytes = await readFile(path);
        await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, { params }));
      }
    },
  };
}
