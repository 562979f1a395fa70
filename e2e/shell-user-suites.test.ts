import { testAsJobUser } from "./shell-user-suites.ts";

testAsJobUser(["run-hostile-jobs", "run-processes", "agent-hostile-jobs", "agent-stop", "agent-crash"]);
