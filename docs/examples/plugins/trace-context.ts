import { randomBytes } from "node:crypto";
import { definePlugin, readVariable } from "signalman";

/**
 * Gives each command of a job a W3C trace context in `TRACEPARENT`: programs that use OpenTelemetry report their
 * spans below it. A job that has a `TRACEPARENT` of its own continues that trace.
 */
export default definePlugin({
  name: "trace-context",
  description: "sets TRACEPARENT before each command",
  runsIn: ["job"],
  setup(ctx) {
    let trace = "";
    ctx.hook("job:start", ({ job }) => {
      const parent = readVariable(job.env, "TRACEPARENT") ?? "";
      trace = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(parent)?.[1] ?? toHex(16);
    });
    ctx.hook("command:start", ({ setVariable }) => {
      setVariable("TRACEPARENT", `00-${trace}-${toHex(8)}-01`, { scope: "command" });
    });
  },
});

function toHex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}
