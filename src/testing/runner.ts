import { createSdkLender } from "../cli/program/lend-sdk.ts";

/** Prepares the process that runs the tests of a plugin: they get this SDK, and a signal ends it with its clean-ups. */
export async function prepareRunner(): Promise<void> {
  // The program's own frames, which are hidden, would take the place of those of the test.
  Error.stackTraceLimit = 50;
  // With this variable the compiled program acts as Bun; a test that starts the program must get the program.
  delete process.env["BUN_BE_BUN"];
  for (const [name, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(name, () => process.exit(status));
  }
  await createSdkLender({
    signalman: () => import("../index.ts"),
    "signalman/executor": () => import("../executor.ts"),
    "signalman/host": () => import("../host.ts"),
    "signalman/http": () => import("../http.ts"),
    "signalman/testing": () => import("./index.ts"),
  })();
}
