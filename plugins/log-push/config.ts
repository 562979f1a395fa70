import { milliseconds, seconds } from "signalman";
import * as v from "valibot";

const serverLimit = 2000;

export const config = v.strictObject({
  "max-events": v.optional(
    v.pipe(
      v.number("expected a number of events"),
      v.integer("expected a whole number of events"),
      v.minValue(1, "expected at least 1 event"),
      v.maxValue(serverLimit, `expected at most ${serverLimit} events, the limit of the log server`),
      v.description("Maximum number of events in one request (1 to 2000)."),
    ),
    serverLimit,
  ),
  "max-bytes": v.optional(
    v.pipe(
      v.number("expected a number of bytes"),
      v.integer("expected a whole number of bytes"),
      v.minValue(1024, "expected at least 1024 bytes"),
      v.maxValue(2 ** 30, `expected at most ${2 ** 30} bytes`),
      v.description(
        "Maximum number of bytes in one request (1024 or more). A larger single event is sent alone. The log server must receive a request completely within 5 seconds.",
      ),
      v.metadata({ hint: "bytes" }),
    ),
    512 * 1024,
  ),
  "interval-ms": v.optional(
    milliseconds(
      "Milliseconds between two requests while a job prints continuously. Output after a pause is pushed at once, and full requests do not wait. A larger value means fewer requests.",
      0,
    ),
    100,
  ),
  "request-timeout": v.optional(
    seconds(
      "Seconds to wait for an answer of the log server. Use more than the server's own limit (20), or the server may still process a request that the agent repeats.",
      0.01,
    ),
    30,
  ),
  "retry-delay-ms": v.optional(
    milliseconds("Maximum milliseconds before the first retry; doubled with each failure.", 1),
    250,
  ),
  "retry-delay-max": v.optional(
    seconds(
      "Maximum seconds between two attempts, unless the server asks for more (`Retry-After`, up to 5 minutes).",
      0.01,
    ),
    10,
  ),
});
