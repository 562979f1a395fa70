import * as v from "valibot";

export const config = v.strictObject({
  "pre-job-hook-path": path("A script to run in the job's session before its first command; none when empty"),
  "post-job-hook-path": path("A script to run in the job's session after its last command; none when empty"),
  "source-pre-job-hook": flag(
    "Source the pre-job script, so that what it sets (variables, directory) stays for the job's commands",
  ),
  "fail-on-pre-job-hook-error": flag("Fail a job whose pre-job script fails, before its first command"),
});

function path(description: string) {
  return v.optional(v.pipe(v.string(), v.description(description), v.metadata({ hint: "path" })), "");
}

function flag(description: string) {
  return v.optional(v.pipe(v.boolean(), v.description(description)), false);
}
