/** Entry point of the SDK (`signalman`, `signalman/testing`) → its module. */
export type SdkEntries = Readonly<Record<string, () => Promise<object>>>;

/**
 * Returns a function that makes the program's own SDK available to external files, once: the entries resolve
 * to this instance with the same classes, whatever is installed beside the files, and in the compiled binary
 * as well.
 */
export function createSdkLender(entries: SdkEntries): () => Promise<void> {
  let lent: Promise<void> | undefined;
  return () => (lent ??= lend(entries));
}

async function lend(entries: SdkEntries): Promise<void> {
  const { signalman: load, ...others } = entries;
  // Loaded first, since a CommonJS file requires it synchronously.
  const sdk = { ...(await load?.()) };
  Bun.plugin({
    name: "signalman-sdk",
    setup(build) {
      build.module("signalman", () => ({ exports: sdk, loader: "object" }));
      for (const [entry, loadEntry] of Object.entries(others)) {
        build.module(entry, async () => ({ exports: { ...(await loadEntry()) }, loader: "object" }));
      }
    },
  });
}
