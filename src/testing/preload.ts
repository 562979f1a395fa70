// For `signalman plugins test`: runs in `bun test`, before the tests. The compiled binary carries it as one file.
import { lendSdk } from "../host/lend-sdk.ts";

// A test that starts the program wants the program, not Bun.
delete process.env["BUN_BE_BUN"];
await lendSdk();
