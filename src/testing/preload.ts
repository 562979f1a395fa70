// For `signalman plugins test`: runs in `bun test` before the tests. The compiled binary contains it as one file.
import { createSdkLender } from "../core/host/lend-sdk.ts";

// A test that starts the program must start the program, not Bun.
delete process.env["BUN_BE_BUN"];
await createSdkLender({
  signalman: () => import("../index.ts"),
  "signalman/terminal": () => import("../terminal.ts"),
  "signalman/testing": () => import("./index.ts"),
})();
