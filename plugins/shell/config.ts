import * as v from "valibot";

export const config = v.strictObject({
  "start-timeout": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(1, "expected at least 1 second"),
      v.description("How long the login shell's profile may take, in seconds"),
      v.metadata({ hint: "seconds" }),
    ),
    300,
  ),
  "keep-processes": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Programs that may outlive the job that started them, such as a shared build server. A pattern without `*` is a program's name; one with `*` is compared with its whole command line. What they start is spared as well.",
      ),
    ),
    [],
  ),
});
