import { testCrashRounds } from "./crash-suite.ts";

testCrashRounds({ roundsPerKind: 100, batch: 20 });
