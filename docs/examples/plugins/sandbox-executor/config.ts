import { seconds, v } from "signalman";

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
      v.description("Give jobs this host's network; otherwise they have a loopback interface only"),
    ),
    true,
  ),
  "read-only": paths("Additional paths of this host that jobs can read"),
  writable: paths("Paths of this host that jobs can write; all jobs share them, and they remain after a job"),
  hide: paths("Paths to hide inside of the visible ones"),
  "start-timeout": v.optional(seconds("Time-out of the login profile, in seconds (at least 1)", 1), 300),
});

export type SandboxConfig = v.InferOutput<typeof config>;
