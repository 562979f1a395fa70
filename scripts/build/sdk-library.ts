import path from "node:path";

const root = path.dirname(path.dirname(import.meta.dir));
const sdk = path.join(root, "src/index.ts");
const main = path.join(root, "src/main.ts");
/** The library once more, as a file of its own. */
const library = path.join(root, "node_modules/valibot/dist/index.min.mjs");

/**
 * Gives plugins valibot as a module of its own. The program needs a sixth of the library, but would load all of
 * it at each start, because the SDK, which its own plugins import, exports it as a whole.
 */
export const separateSdkLibrary: Bun.BunPlugin = {
  name: "separate-sdk-library",
  setup(builder) {
    builder.onResolve({ filter: /^valibot$/ }, ({ importer }) =>
      importer === sdk ? { path: "none", namespace: "sdk" } : undefined,
    );
    builder.onLoad({ filter: /^none$/, namespace: "sdk" }, () => ({ contents: "export {};", loader: "js" }));
    builder.onResolve({ filter: /^\.\/index\.ts$/ }, ({ importer }) =>
      importer === main ? { path: "lent", namespace: "sdk" } : undefined,
    );
    builder.onLoad({ filter: /^lent$/, namespace: "sdk" }, () => ({
      contents: `export * from ${JSON.stringify(sdk)};\nexport * as v from ${JSON.stringify(library)};`,
      loader: "js",
    }));
  },
};
