import { afterAll, beforeAll } from "bun:test";
import { closeEngine, testEngine } from "./containers.ts";
import { testCrashRounds } from "./crash-suite.ts";

beforeAll(async () => {
  await testEngine();
}, 600_000);

afterAll(closeEngine);

testCrashRounds({ place: "containers", roundsPerKind: 1, batch: 1 });
