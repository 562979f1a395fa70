import { bytes, seconds } from "signalman";
import * as v from "valibot";

export type SemaphoreConfig = v.InferOutput<typeof config>;

/** A duration that only the control plane measures; it stores it as a signed number of 32 bits. */
const wholeSeconds = v.pipe(
  v.number(),
  v.integer("expected whole seconds"),
  v.maxValue(2 ** 31 - 1, `expected at most ${2 ** 31 - 1} seconds`),
);

/**
 * Options that only `start` needs are optional here, so that all other commands work without them;
 * `settings.ts` checks them.
 */
export const config = v.strictObject({
  name: text(
    "Name of the agent: 8 to 80 characters, or a pre-signed AWS STS URL",
    "name",
    "builder-01",
    "a random one",
  ),
  "name-from-env": v.optional(
    v.pipe(
      v.string(),
      v.description("Environment variable that contains the name. Deprecated: use `name`"),
      v.metadata({ hint: "variable", status: "deprecated" }),
    ),
  ),
  endpoint: text(
    "Host and optional port of the Semaphore organization: acme.semaphoreci.com",
    "host",
    "acme.semaphoreci.com",
  ),
  token: v.optional(
    v.pipe(
      v.string(),
      v.description(
        "Registration token of the agent type. On the command line every user of the host can read it",
      ),
      v.metadata({ secret: true, hint: "token", migration: { fileOption: "token-file" } }),
    ),
  ),
  "token-file": text(
    "File that contains the registration token, instead of `token`",
    "file",
    "/etc/signalman/token",
  ),
  "no-https": flag("Use plain HTTP for the endpoint"),
  "ca-file": text(
    "File with certificates (PEM) to trust in addition to the default ones",
    "file",
    "/etc/signalman/ca.pem",
  ),
  "disconnect-after-job": flag("Exit after one job"),
  "job-id": text(
    "Id of the only job to run; requires disconnect-after-job",
    "id",
    "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
  ),
  "disconnect-after-idle-timeout": v.optional(
    v.pipe(
      wholeSeconds,
      v.description("Seconds without a job after which the agent exits; 0: never"),
      v.metadata({ hint: "seconds" }),
    ),
    0,
  ),
  "interruption-grace-period": v.optional(
    v.pipe(
      wholeSeconds,
      v.minValue(0, "expected 0 or more seconds"),
      v.description("Grace period in seconds for a running job after the first SIGINT or SIGTERM"),
      v.metadata({ hint: "seconds", delaysShutdown: true }),
    ),
    0,
  ),
  "register-attempts": attempts("Maximum number of registration attempts", 30),
  "register-interval": v.optional(seconds("Seconds between two registration attempts"), 1),
  "get-job-attempts": attempts(
    "Maximum number of attempts to fetch a job's request before the job fails",
    10,
  ),
  "get-job-interval": v.optional(seconds("Seconds between two attempts to fetch a job's request"), 3),
  "disconnect-attempts": attempts("Maximum number of disconnect attempts before exiting anyway", 100),
  "disconnect-interval": v.optional(seconds("Seconds between two disconnect attempts"), 1),
  "request-timeout": v.optional(seconds("Time-out of a request to the endpoint, in seconds"), 30),
  "response-size-limit": v.optional(
    bytes("Maximum size of an answer of the endpoint, after decompression"),
    "64MiB",
  ),
  "sync-interval-min": v.optional(
    seconds("Minimum seconds to the next sync when the endpoint names no time"),
    3,
  ),
  "sync-interval-max": v.optional(
    seconds("Maximum seconds to the next sync when the endpoint names no time"),
    6,
  ),
  "sync-give-up": v.optional(
    seconds("Seconds without a successful sync after which an idle agent exits"),
    600,
  ),
  "busy-give-up": v.optional(
    seconds("Seconds without a successful sync after which an agent stops its job and exits"),
    900,
  ),
  "gone-give-up": v.optional(
    seconds("Seconds to keep trying while the endpoint rejects the agent or its job"),
    60,
  ),
  "interrupt-give-up": v.optional(
    seconds(
      "Seconds without a successful sync after which an interrupted agent exits with its job unreported",
    ),
    60,
  ),
});

function text(description: string, hint: string, example: string, defaultText?: string) {
  const metadata = { hint, ...(defaultText !== undefined && { defaultText }) };
  return v.optional(
    v.pipe(v.string(), v.description(description), v.examples([example]), v.metadata(metadata)),
  );
}

function flag(description: string) {
  return v.optional(v.pipe(v.boolean(), v.description(description)), false);
}

function attempts(description: string, fallback: number) {
  const count = v.pipe(
    v.number(),
    v.integer("expected a whole number"),
    v.minValue(1, "expected at least 1"),
    v.maxValue(1_000_000, "expected at most 1000000"),
  );
  return v.optional(v.pipe(count, v.description(description)), fallback);
}
