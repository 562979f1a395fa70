import * as v from "valibot";

export const config = v.strictObject({
  "statsd-host": v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => text === "" || isHost(text),
        "expected a host's name or address, without scheme and port (statsd-port), such as statsd.example.com",
      ),
      v.description("Host of the StatsD server to send metrics to over UDP; none when empty"),
      v.examples(["statsd.example.com"]),
      v.metadata({ hint: "host" }),
    ),
    "",
  ),
  "statsd-port": v.optional(
    v.pipe(
      v.string(),
      v.check((text) => text === "" || isPort(text), "expected a port from 1 to 65535"),
      v.description("Port of the StatsD server (1 to 65535)"),
      v.metadata({ hint: "port" }),
    ),
    "8125",
  ),
  "statsd-namespace": v.optional(
    v.pipe(
      v.string(),
      v.maxLength(200, "expected at most 200 characters"),
      v.description("Namespace in the names of all metrics: tagged.<namespace>.…"),
      v.examples(["ci"]),
      v.metadata({ hint: "name" }),
    ),
    "agent.prod",
  ),
});

/** Converts the option; the empty text is the reference agent's default. */
export function toPort(text: string): number {
  return text === "" ? 8125 : Number(text);
}

/** Rejects values that cannot be a host, because an unreachable server is not reported at run time. */
function isHost(text: string): boolean {
  return /^[\w.-]+$/.test(text) || URL.canParse(`http://[${text.replace(/%[\w.-]+$/, "")}]`);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
