import * as v from "valibot";

export const config = v.strictObject({
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Accept jobs whose log is pulled. Set by `signalman serve`; without a server, no client can read such a log",
      ),
    ),
    false,
  ),
});
