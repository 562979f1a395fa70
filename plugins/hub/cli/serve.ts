import { defineCommand, type Program } from "signalman";
import { createHub } from "../hub.ts";
import { defaultPort, parseInterval, parseNumber } from "./arguments.ts";

export default defineCommand({
  meta: { name: "hub", description: "run a control plane for development, in memory or kept on disk" },
  args: {
    listen: { type: "string", description: "address to listen on", valueHint: "host", default: "127.0.0.1" },
    port: {
      type: "string",
      description: "port to listen on; 0 takes any",
      valueHint: "number",
      default: String(defaultPort),
    },
    storage: { type: "string", description: "keep everything in this directory", valueHint: "directory" },
    "sync-interval": {
      type: "string",
      description: "how long agents wait between syncs, in ms: 2000, or 4000-6000",
      valueHint: "ms",
    },
    "log-limit": {
      type: "string",
      description: "bytes of a log that is full; 0: no limit (16777216 by default)",
      valueHint: "bytes",
    },
    "time-scale": {
      type: "string",
      description: "divide the server's own times by this: cleaner, tokens, time limits, syncs",
      valueHint: "number",
    },
    generation: {
      type: "enum",
      options: ["old", "new"],
      description: "behave as the server before or after September 2026",
      default: "old",
    },
    quota: {
      type: "string",
      description: "how many agents may be registered (1000 by default)",
      valueHint: "number",
    },
  },
  async run({ args, program }) {
    await using hub = await createHub({
      listen: { hostname: args.listen, port: parseNumber("port", args.port, { to: 65_535 }) },
      token: findToken(program),
      storage: args.storage,
      syncIntervalMs: parseInterval("sync-interval", args["sync-interval"]),
      logLimitBytes: parseNumber("log-limit", args["log-limit"]),
      timeScale: parseNumber("time-scale", args["time-scale"], { from: 0.001, isWhole: false }),
      generation: args.generation,
      quota: parseNumber("quota", args.quota),
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    const start = `signalman start --endpoint ${hub.endpoint} --no-https --token ${hub.token}`;
    process.stdout.write(
      `hub listening on ${hub.endpoint}\nregistration token: ${hub.token}\nan agent: ${start}\n`,
    );
    await promise;
  },
});

/** The one that an agent with this configuration would register with. */
function findToken({ config }: Program): string | undefined {
  const value = config.options.find(({ key }) => key === "token")?.value;
  return typeof value === "string" && value !== "" ? value : undefined;
}
