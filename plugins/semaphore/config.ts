import * as v from "valibot";

export type SemaphoreConfig = v.InferOutput<typeof config>;

/** What only `start` needs is optional here, so that every other command works without it: see `settings.ts`. */
export const config = v.strictObject({
  name: text("The agent's name: 8 to 80 characters, or a pre-signed AWS STS URL", "name", "a random one"),
  "name-from-env": v.optional(
    v.pipe(
      v.string(),
      v.description("Deprecated, use `name`: the environment variable that holds the name"),
      v.metadata({ hint: "variable", status: "deprecated" }),
    ),
  ),
  endpoint: text("Host, and port if need be, of the Semaphore organization: acme.semaphoreci.com", "host"),
  token: v.optional(
    v.pipe(
      v.string(),
      v.description(
        "The registration token of the agent's type. On the command line every user of the host can read it",
      ),
      v.metadata({ secret: true, hint: "token", migration: { fileOption: "token-file" } }),
    ),
  ),
  "token-file": text("A file with the registration token in it, instead of `token`", "file"),
  "no-https": flag("Speak plain HTTP with the endpoint"),
  "ca-file": text("Certificates (PEM) to trust beside the usual ones", "file"),
  "disconnect-after-job": flag("Leave after one job"),
  "job-id": text("Run only this job; needs disconnect-after-job", "id"),
  "disconnect-after-idle-timeout": v.optional(
    v.pipe(
      v.pipe(v.number(), v.integer("expected whole seconds")),
      v.description("Leave after so many seconds without a job; 0: never"),
      v.metadata({ hint: "seconds" }),
    ),
    0,
  ),
  "interruption-grace-period": v.optional(
    v.pipe(
      v.pipe(v.number(), v.integer("expected whole seconds")),
      v.description("Seconds that a running job has left after the first SIGINT or SIGTERM"),
      v.metadata({ hint: "seconds" }),
    ),
    0,
  ),
  "register-attempts": attempts("How often to try to register before giving up", 30),
  "register-interval": seconds("Seconds between two attempts to register", 1),
  "get-job-attempts": attempts("How often to try to get a job's request before the job fails", 10),
  "get-job-interval": seconds("Seconds between two attempts to get a job's request", 3),
  "disconnect-attempts": attempts("How often to try to disconnect before leaving without", 100),
  "disconnect-interval": seconds("Seconds between two attempts to disconnect", 1),
  "request-timeout": seconds("Seconds that a request to the endpoint may take", 30),
  "sync-interval-min": seconds("Shortest time to the next sync where the endpoint names none, in seconds", 3),
  "sync-interval-max": seconds("Longest time to the next sync where the endpoint names none, in seconds", 6),
  "sync-give-up": seconds("Seconds without a sync after which an idle agent leaves", 600),
  "busy-give-up": seconds("Seconds without a sync after which an agent stops its job and leaves", 900),
  "gone-give-up": seconds(
    "Seconds for which the endpoint may say that it does not know the agent, or refuse its job",
    60,
  ),
  "interrupt-give-up": seconds(
    "Seconds without a sync after which an interrupted agent leaves a job unreported",
    60,
  ),
});

function text(description: string, hint: string, defaultText?: string) {
  const metadata = { hint, ...(defaultText !== undefined && { defaultText }) };
  return v.optional(v.pipe(v.string(), v.description(description), v.metadata(metadata)));
}

function flag(description: string) {
  return v.optional(v.pipe(v.boolean(), v.description(description)), false);
}

function attempts(description: string, fallback: number) {
  const count = v.pipe(
    v.number(),
    v.integer("expected a whole number"),
    v.minValue(1, "expected at least 1"),
  );
  return v.optional(v.pipe(count, v.description(description)), fallback);
}

function seconds(description: string, fallback: number) {
  const duration = v.pipe(
    v.number(),
    v.minValue(0, "expected 0 or more seconds"),
    v.maxValue(1_000_000, "expected at most 1000000 seconds"),
  );
  return v.optional(v.pipe(duration, v.description(description), v.metadata({ hint: "seconds" })), fallback);
}
