import type { CheckContext, Finding } from "signalman";
import { findArtifact } from "./upload.ts";

/** Whether there is the program that uploads. */
export function checkProgram(env: CheckContext["env"]): Finding[] {
  const program = findArtifact(env);
  if (program !== null) return [{ level: "ok", title: `logs are uploaded by "${program}"` }];
  return [
    {
      level: "warning",
      title: "no job's log can be uploaded: there is no program `artifact`",
      detail: `the agent's PATH: ${env["PATH"] ?? ""}`,
      remedy:
        "put Semaphore's artifact CLI into the PATH of the agent (its service, not the login profile), or set --upload-job-logs never",
    },
  ];
}
