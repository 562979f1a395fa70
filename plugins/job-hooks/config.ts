import * as v from "valibot";

export const config = v.strictObject({
  "pre-job-hook-path": path(
    "Script to run in the job's session before its first command; none when empty",
    "pre-job",
  ),
  "post-job-hook-path": path(
    "Script to run in the job's session after its last command; none when empty",
    "post-job",
  ),
  "source-pre-job-hook": flag(
    "Source the pre-job script, so that its variables and directory remain for the job's commands",
  ),
  "fail-on-pre-job-hook-error": flag("Fail a job before its first command when the pre-job script fails"),
});

function path(description: string, name: string) {
  return v.optional(
    v.pipe(
      v.string(),
      v.description(description),
      v.examples([`/etc/signalman/${name}.sh`]),
      v.metadata({ hint: "path", script: "session" }),
    ),
    "",
  );
}

function flag(description: string) {
  return v.optional(v.pipe(v.boolean(), v.description(description)), false);
}
