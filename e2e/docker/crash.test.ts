import { useTestEngine } from "../support/containers.ts";
import { testCrashRounds } from "../support/crash-suite.ts";

useTestEngine();

testCrashRounds({ place: "containers", roundsPerKind: 1, batch: 1 });
