import { testAsJobUser } from "./shell-user-suites.ts";

testAsJobUser(["run/hostile-jobs", "run/processes", "agent/stop"]);
