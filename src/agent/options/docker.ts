import * as v from "valibot";

/** Options that the docker plugin will declare. */
export const dockerEntries = {
  files: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (text) => /^[^:]+:[^:]+$/.test(text),
            ({ input }) =>
              `Error parsing --files: ${input} is not a valid file injection (expected host-path:job-path)`,
          ),
        ),
      ),
      v.description("Files of this host that are copied into the containers of jobs: host-path:job-path"),
    ),
    [],
  ),
  "fail-on-missing-files": v.optional(
    v.pipe(v.boolean(), v.description("Fail a job when a file of `files` does not exist on this host")),
    false,
  ),
} satisfies v.ObjectEntries;
