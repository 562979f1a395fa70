import { testCrashRounds } from "../support/crash-suite.ts";

testCrashRounds({ roundsPerKind: 100, batch: 20 });
