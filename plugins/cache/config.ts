import { bytes } from "signalman";
import * as v from "valibot";

export const config = v.strictObject({
  size: v.optional(bytes("Maximum bytes of a cache of jobs that this agent serves; no cache with 0"), 0),
  path: v.optional(
    v.pipe(
      v.string(),
      v.description(
        "Directory of the cache, which no other agent may use; in the agent's state directory when empty",
      ),
      v.metadata({ hint: "path" }),
    ),
    "",
  ),
});
