// Loaded by `signalman plugins test` in `bun test`, before the tests. The compiled binary has `runner.ts` as one file.
import { prepareRunner } from "./runner.ts";

await prepareRunner();
