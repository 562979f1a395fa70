import { v } from "signalman";

const paths = (what: string) =>
  v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^(\/|~\/)/, "expected a path that begins with / or ~/"))),
      v.description(what),
    ),
    [],
  );

export const config = v.strictObject({
  network: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Whether jobs have this host's network; without it they have loopback only"),
    ),
    true,
  ),
  "read-only": paths("Further paths of this host that jobs can read"),
  writable: paths("Paths of this host that jobs can write: they outlive the job, and all jobs share them"),
  hide: paths("Paths below those that jobs do not see"),
  "start-timeout": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(1, "expected at least 1 second"),
      v.description("How long the login shell's profile may take, in seconds"),
    ),
    300,
  ),
});

export type SandboxConfig = v.InferOutput<typeof config>;
