import type { CheckContext, Finding } from "signalman";
import { findArtifact } from "./upload.ts";

/** Checks that the program `artifact` is in the PATH. */
export function checkProgram(env: CheckContext["env"]): Finding[] {
  const program = findArtifact(env);
  if (program !== null) return [{ level: "ok", title: `job logs are uploaded with "${program}"` }];
  return [
    {
      level: "warning",
      title: "program `artifact` not found: no job log can be uploaded",
      detail: `PATH of the agent: ${env["PATH"] ?? ""}`,
      remedy:
        "add Semaphore's artifact CLI to the PATH of the agent (in its service, not in the login profile), or set --upload-job-logs never",
    },
  ];
}
