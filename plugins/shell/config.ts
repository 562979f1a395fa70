import { seconds } from "signalman";
import * as v from "valibot";

export const config = v.strictObject({
  "start-timeout": v.optional(seconds("Time-out of the login profile, in seconds (at least 1)", 1), 300),
  "source-in-profile": v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Append the job's variables to `~/.bash_profile`, for SSH sessions on this host. Set by `signalman serve`",
      ),
    ),
    false,
  ),
  "keep-processes": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Programs that keep running after the job that started them, such as a shared build server. A pattern without `*` is a program name; one with `*` is compared with the whole command line. Child processes of these programs keep running too. Not allowed while `end-user-processes` ends every process of a job's user.",
      ),
      v.examples([["buildd"]]),
    ),
    [],
  ),
});
