import { testAsJobUser } from "./shell-user-suites.ts";

testAsJobUser([
  "agent",
  "agent-crash",
  "agent-faults",
  "agent-hostile-jobs",
  "agent-processes",
  "agent-resume",
  "agent-secrets",
  "agent-signals",
  "agent-slots",
  "agent-upgrade",
  "agent-usage",
  "run",
  "run-faults",
  "run-output",
  "run-stop",
]);
