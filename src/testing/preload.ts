// Loaded by `signalman plugins test` in `bun test`, before the tests. The compiled binary contains it as one
// file.
import { createSdkLender } from "../cli/program/lend-sdk.ts";

// With this variable the compiled program acts as Bun; a test that starts the program must get the program.
delete process.env["BUN_BE_BUN"];
await createSdkLender({
  signalman: () => import("../index.ts"),
  "signalman/executor": () => import("../executor.ts"),
  "signalman/host": () => import("../host.ts"),
  "signalman/http": () => import("../http.ts"),
  "signalman/testing": () => import("./index.ts"),
})();
