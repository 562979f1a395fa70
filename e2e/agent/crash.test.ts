import { testCrashRounds } from "../support/crash-suite.ts";

testCrashRounds({ roundsPerKind: 12, batch: 12 });
