import { useTestEngine } from "./containers.ts";
import { testCrashRounds } from "./crash-suite.ts";

useTestEngine();

testCrashRounds({ place: "containers", roundsPerKind: 25, batch: 25 });
