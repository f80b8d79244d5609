import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Plugin, defineConfig } from "vite";

const PACKAGE = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//;

/** Write licences.txt: the packages whose code the page holds, each with the terms that it asks to come along. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_, bundle) {
      const folders = new Map<string, string>();
      for (const chunk of Object.values(bundle)) {
        for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
          // Rollup's own helpers begin with a zero.
          const [, folder, name] = (id.startsWith("\0") ? null : PACKAGE.exec(id)) ?? [];
          if (folder && name) folders.set(name, folder);
        }
      }
      const parts = [...folders].sort().map(([name, folder]) => `${name}\n${"=".repeat(name.length)}\n\n${terms(folder)}`);
      this.emitFile({ type: "asset", fileName: "licences.txt", source: parts.join("\n\n\n") });
    },
  };
}

function terms(folder: string): string {
  const { license, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file) && statSync(join(folder, file)).isFile());
  return [`${version}, ${license}`, ...files.sort().map((file) => readFileSync(join(folder, file), "utf8").trim())].join("\n\n");
}

export default defineConfig({
  plugins: [licences()],
  // Vite's own esbuild knows JSX; nothing else is needed to build React.
  esbuild: { jsx: "automatic" },
  build: {
    target: "es2022",
    // Small files stay files: inlined as data: they would need holes in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
