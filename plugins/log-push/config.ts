import * as v from "valibot";

const millisecond = (description: string, least: number) =>
  v.pipe(
    v.number("expected a number of milliseconds"),
    v.minValue(least, `expected at least ${least} ms`),
    v.description(description),
    v.metadata({ hint: "milliseconds" }),
  );

const second = (description: string) =>
  v.pipe(
    v.number("expected a number of seconds"),
    v.minValue(0.01, "expected more than 0 seconds"),
    v.description(description),
    v.metadata({ hint: "seconds" }),
  );

const serverLimit = 2000;

export const config = v.strictObject({
  "max-events": v.optional(
    v.pipe(
      v.number("expected a number of events"),
      v.integer("expected a whole number of events"),
      v.minValue(1, "expected at least 1 event"),
      v.maxValue(serverLimit, `expected at most ${serverLimit} events: the log server takes no more`),
      v.description("How many events go into one request at most."),
    ),
    serverLimit,
  ),
  "max-bytes": v.optional(
    v.pipe(
      v.number("expected a number of bytes"),
      v.integer("expected a whole number of bytes"),
      v.minValue(1024, "expected at least 1024 bytes"),
      v.description(
        "How many bytes go into one request at most; a single event that is larger goes alone. The log server wants a request whole within 5 seconds.",
      ),
      v.metadata({ hint: "bytes" }),
    ),
    512 * 1024,
  ),
  "interval-ms": v.optional(
    millisecond(
      "How long output waits for more while a job goes on printing, in milliseconds: what follows a pause is pushed at once, and full requests do not wait. Larger spares the log server requests.",
      0,
    ),
    100,
  ),
  "request-timeout": v.optional(
    second(
      "How long the log server may take to answer, in seconds. Longer than the server's own limit (20), or a request that was given up may still be at work there.",
    ),
    30,
  ),
  "retry-delay-ms": v.optional(
    millisecond(
      "How long to wait before the first new attempt, at most, in milliseconds; doubled with each failure.",
      1,
    ),
    250,
  ),
  "retry-delay-max": v.optional(
    second("The longest wait between two attempts, in seconds. A server's `Retry-After` may ask for more."),
    10,
  ),
});
