import { defineCommand, jobBoardViewer, type Program, print } from "signalman";
import type { Hub } from "../contract.ts";
import { createHub } from "../hub.ts";
import { defaultPort, parseInterval, parseNumber } from "./arguments.ts";

export default defineCommand({
  meta: { name: "hub", description: "run a control plane for development, in memory or stored on disk" },
  group: "develop",
  examples: [
    { line: "signalman hub", purpose: `run a control plane on port ${defaultPort}` },
    {
      line: "signalman hub --token a-token-for-a-trial",
      purpose: "with this registration token, instead of a random one",
    },
    {
      line: "signalman hub --port 0 --sync-interval 100 --storage hub",
      purpose: "sync fast, and keep its state in ./hub",
    },
  ],
  configuration: "none",
  listedOptions: ["token", "page-listen"],
  args: {
    listen: { type: "string", description: "address to listen on", valueHint: "host", default: "127.0.0.1" },
    port: {
      type: "string",
      description: "port to listen on; 0 selects a free port",
      valueHint: "number",
      default: String(defaultPort),
    },
    hosts: {
      type: "string",
      description:
        "further names, separated by commas, by which agents call a hub on a loopback address, such as host.docker.internal",
      valueHint: "names",
    },
    storage: {
      type: "string",
      description: "directory that stores the hub's state (default: none, the state is in memory)",
      valueHint: "directory",
    },
    "sync-interval": {
      type: "string",
      description: "milliseconds between two syncs, as a number or a range (default: 4000-6000)",
      valueHint: "ms",
    },
    "log-limit": {
      type: "string",
      description: "maximum size of a log in bytes, 0 for no limit (default: 16777216)",
      valueHint: "bytes",
    },
    "time-scale": {
      type: "string",
      description:
        "factor that shortens the server's times: cleaner, tokens, time limits, syncs (default: 1)",
      valueHint: "number",
    },
    generation: {
      type: "enum",
      options: ["old", "new"],
      description: "behaviour of the server before (old) or after (new) September 2026",
      default: "old",
    },
    quota: {
      type: "string",
      description: "maximum number of registered agents (default: 1000)",
      valueHint: "number",
    },
  },
  async run({ args, program }) {
    await using hub = await createHub({
      listen: {
        hostname: args.listen,
        port: parseNumber("port", args.port, { to: 65_535 }),
        hosts: args.hosts?.split(",").map((name) => name.trim()),
      },
      token: findToken(program),
      storage: args.storage,
      syncIntervalMs: parseInterval("sync-interval", args["sync-interval"]),
      logLimitBytes: parseNumber("log-limit", args["log-limit"]),
      timeScale: parseNumber("time-scale", args["time-scale"], { from: 0.001, to: 10_000, isWhole: false }),
      generation: args.generation,
      quota: parseNumber("quota", args.quota),
    });
    await using viewers = await openViewers(program, hub);
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    const command = `SEMAPHORE_AGENT_TOKEN=${hub.token} signalman start --endpoint ${hub.endpoint} --no-https`;
    print(
      [
        `hub listening on ${hub.endpoint}`,
        `registration token: ${hub.token}`,
        ...viewers.places,
        `to start an agent: ${command}`,
      ].join("\n"),
    );
    await promise;
  },
});

/** Sets the plugins up, and has those that show a board open it. */
async function openViewers(program: Program, { board }: Hub) {
  const host = await program.openHost({ roles: ["agent"] });
  try {
    const places: string[] = [];
    for (const [name, viewer] of host.all(jobBoardViewer))
      places.push(`${name}: ${await viewer.open(board)}`);
    return { places, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

/** Finds the token of `--token` or `SEMAPHORE_AGENT_TOKEN`. */
function findToken({ config }: Program): string | undefined {
  const value = config.options.find(({ key }) => key === "token")?.value;
  return typeof value === "string" && value !== "" ? value : undefined;
}
