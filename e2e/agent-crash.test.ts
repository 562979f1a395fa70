import { testCrashRounds } from "./crash-suite.ts";

testCrashRounds({ roundsPerKind: 12, batch: 12 });
