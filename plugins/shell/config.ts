import * as v from "valibot";

export const config = v.strictObject({
  "start-timeout": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(1, "expected at least 1 second"),
      v.description("Time-out of the login profile, in seconds (at least 1)"),
      v.metadata({ hint: "seconds" }),
    ),
    300,
  ),
  "keep-processes": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Programs that keep running after the job that started them, such as a shared build server. A pattern without `*` is a program name; one with `*` is compared with the whole command line. Child processes of these programs keep running too.",
      ),
    ),
    [],
  ),
});
