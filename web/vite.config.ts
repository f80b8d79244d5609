import { defineConfig } from "vite";

export default defineConfig({
  // Vite's own esbuild knows JSX; nothing else is needed to build React.
  esbuild: { jsx: "automatic" },
  build: {
    target: "es2022",
    // Small files stay files: inlined as data: they would need holes in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
