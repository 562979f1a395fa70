let lent: Promise<void> | undefined;

/**
 * Lends this program's own SDK to files that are loaded from outside: `signalman` and `signalman/testing` mean this very
 * instance for them, with the same classes, whatever is installed beside them; in the compiled binary too.
 */
export function lendSdk(): Promise<void> {
  return (lent ??= lend());
}

async function lend(): Promise<void> {
  const sdk = { ...(await import("../index.ts")) };
  Bun.plugin({
    name: "signalman-sdk",
    setup(build) {
      build.module("signalman", () => ({ exports: sdk, loader: "object" }));
      build.module("signalman/testing", async () => ({
        exports: { ...(await import("../testing/index.ts")) },
        loader: "object",
      }));
    },
  });
}
