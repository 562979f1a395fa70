/**
 * Replaces native add-ons, which packages load when an install script has built them and else do without. Bun
 * would extract one into the temporary folder, where a job of the same user could put its own code in its
 * place, which the agent would then load.
 */
export const withoutAddons: Bun.BunPlugin = {
  name: "without-addons",
  setup(builder) {
    // Also of files that do not exist, as long as no install script has run.
    builder.onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, namespace: "addon" }));
    builder.onLoad({ filter: /\.node$/, namespace: "addon" }, () => ({
      contents: 'throw new Error("native add-ons are not part of the binary");',
      loader: "js",
    }));
  },
};
