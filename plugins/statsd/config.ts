import * as v from "valibot";

export const config = v.strictObject({
  "statsd-host": v.optional(
    v.pipe(
      v.string(),
      v.description("Host of a StatsD server that gets figures of the agent over UDP; none when empty"),
      v.metadata({ hint: "host" }),
    ),
    "",
  ),
  "statsd-port": v.optional(
    v.pipe(
      v.string(),
      v.check((text) => text === "" || isPort(text), "expected a port from 1 to 65535"),
      v.description("Port of the StatsD server"),
      v.metadata({ hint: "port" }),
    ),
    "8125",
  ),
  "statsd-namespace": v.optional(
    v.pipe(
      v.string(),
      v.maxLength(200, "expected at most 200 characters"),
      v.description("Stands in the names of all figures: tagged.<namespace>.…"),
      v.metadata({ hint: "name" }),
    ),
    "agent.prod",
  ),
});

/** The reference's default is the empty text. */
export function toPort(text: string): number {
  return text === "" ? 8125 : Number(text);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
