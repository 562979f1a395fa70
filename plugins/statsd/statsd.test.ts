import { describe, expect, test } from "bun:test";
import {
  type AgentStatus,
  createAgentMetrics,
  definePlugin,
  type HookEvents,
  hooksOf,
  type Plugin,
} from "signalman";
import { jobRequest, type PluginUnderTest, testPlugin } from "signalman/testing";
import plugin from "./index.ts";
import { startStatsdServer } from "./testing/statsd-server.ts";

/** Returns the lines that arrive for the hooks that `act` calls, in order. */
async function linesOf(
  act: (t: PluginUnderTest) => Promise<void>,
  flags: Record<string, string> = {},
  others: readonly Plugin[] = [],
): Promise<string[]> {
  using server = await startStatsdServer();
  const place = { "statsd-host": "127.0.0.1", "statsd-port": `${server.port}` };
  {
    await using t = await testPlugin(plugin, { flags: { ...place, ...flags }, with: others });
    await act(t);
    await t.call("agent:left", { reason: "unknown" });
  }
  const isLast = (line: string) => line.includes("unknown.no_tag.no_tag.slot.left");
  await server.has(isLast);
  return server.lines.slice(0, server.lines.findIndex(isLast));
}

const withSlots = (...slots: AgentStatus["slots"]): HookEvents["agent:start"] => ({
  version: "1",
  status: () => ({ version: "1", pid: 1, startedAt: 0, stateDirectory: "/nonexistent", slots }),
});
const job = {
  id: "1",
  executor: "shell",
  startedAt: 0,
  phase: "running",
  log: { producedBytes: 0, deliveredBytes: 0, deliveredEvents: 0 },
} as const;

describe("the agent's metrics", () => {
  test("count jobs by executor and result, with their duration and log size", async () => {
    const lines = await linesOf(async (t) => {
      await t.call("agent:job-started", { job: jobRequest({ executor: "shell" }) });
      await t.call("agent:job-ended", {
        job: jobRequest({ executor: "shell" }),
        result: "failed",
        durationMs: 1499.6,
        log: { events: 3, bytes: 123, droppedBytes: 7 },
        delivery: { trimmed: true, undelivered: 2 },
      });
    });
    expect(lines).toEqual([
      "tagged.agent.prod.shell.no_tag.no_tag.job.started:1|c",
      "tagged.agent.prod.shell.failed.no_tag.job.ended:1|c",
      "tagged.agent.prod.shell.failed.no_tag.job.duration:1500|ms",
      "tagged.agent.prod.shell.no_tag.no_tag.job.log.bytes:123|c",
      "tagged.agent.prod.shell.no_tag.no_tag.job.log.dropped:7|c",
      "tagged.agent.prod.shell.no_tag.no_tag.job.log.undelivered:2|c",
    ]);
  });

  test("contain the duration of answered syncs and the number of failed ones", async () => {
    const lines = await linesOf(async (t) => {
      await t.call("agent:synced", { durationMs: 20.4 });
      await t.call("agent:synced", { durationMs: 30_000, error: "timed out" });
    });
    expect(lines).toEqual([
      "tagged.agent.prod.no_tag.no_tag.no_tag.sync.duration:20|ms",
      "tagged.agent.prod.no_tag.no_tag.no_tag.sync.failed:1|c",
    ]);
  });

  test("contain the number of busy slots with each sync", async () => {
    const lines = await linesOf(async (t) => {
      const waiting = { slot: 0, state: "waiting" } as const;
      const running = { slot: 1, state: "running", job } as const;
      await t.call("agent:start", withSlots(waiting, running, { ...running, slot: 2 }));
      await t.call("agent:synced");
      await t.call("agent:start", withSlots(waiting));
      await t.call("agent:synced");
    });
    expect(lines.filter((line) => line.endsWith("|g"))).toEqual([
      "tagged.agent.prod.no_tag.no_tag.no_tag.slot.busy:2|g",
      "tagged.agent.prod.no_tag.no_tag.no_tag.slot.busy:0|g",
    ]);
  });

  test("count registered slots, and shut-down slots by reason", async () => {
    const lines = await linesOf(async (t) => {
      await t.call("agent:registered");
      await t.call("agent:left", { reason: "unable-to-sync" });
    });
    expect(lines).toEqual([
      "tagged.agent.prod.no_tag.no_tag.no_tag.slot.registered:1|c",
      "tagged.agent.prod.unable-to-sync.no_tag.no_tag.slot.left:1|c",
    ]);
  });

  test("are all that have a name for StatsD, and no other", async () => {
    const container = { name: "main", command: "", entrypoint: "", user: "", env: [], files: [] };
    const image = "semaphoreci/android:29";
    const metrics = createAgentMetrics();
    const lines = await linesOf(async (t) => {
      await t.call("agent:start", withSlots());
      for (const name of hooksOf(metrics)) await t.call(name);
      await t.call("agent:synced", { error: "timed out" });
      await t.call("image:pulled", {
        job: jobRequest({ containers: [{ ...container, image }] }),
        image,
        isOk: false,
      });
    });
    const sent = lines.map((line) => /^tagged\.agent\.prod(?:\.[\w-]+){3}\.([\w.]+):/.exec(line)?.[1]);
    const declared = metrics.flatMap(({ statsd }) => statsd?.name ?? []);
    expect([...new Set(sent)].toSorted()).toEqual(declared.toSorted());
  });

  test("use the configured namespace", async () => {
    const lines = await linesOf((t) => t.call("agent:registered"), { "statsd-namespace": "acme.ci" });
    expect(lines).toEqual(["tagged.acme.ci.no_tag.no_tag.no_tag.slot.registered:1|c"]);
  });
});

describe("a pull of the image that the reference agent measures", () => {
  const pull = (image: string, first: string, isOk = true) =>
    linesOf((t) => {
      const container = { name: "main", command: "", entrypoint: "", user: "", env: [], files: [] };
      const containers = [first, "redis:7"].map((each) => ({ ...container, image: each }));
      return t.call("image:pulled", { job: jobRequest({ containers }), image, durationMs: 12_300, isOk });
    });
  const android = "registry.example.com/semaphoreci/android:29";
  const name = "tagged.agent.prod.semaphoreci_android.no_tag.no_tag.compose.docker";

  test("has the reference's names", async () => {
    expect(await pull(android, android)).toEqual([`${name}.pull.rate:1|g`, `${name}.pull.duration:12|g`]);
  });

  test("that failed has an error rate too", async () => {
    expect(await pull(android, android, false)).toEqual([
      `${name}.pull.rate:1|g`,
      `${name}.error.rate:1|g`,
      `${name}.pull.duration:12|g`,
    ]);
  });

  test.each([
    ["another image", "ruby:3", "ruby:3"],
    ["another image of such a job", "redis:7", android],
    ["such an image that is not the job's first", android, "ruby:3"],
  ])("is the only one: %s is not measured", async (_, image, first) => {
    expect(await pull(image, first)).toEqual([]);
  });
});

test("metrics of plugins are sent as they grow, in whole numbers without loss", async () => {
  const cache = definePlugin({
    name: "build-cache",
    setup(ctx) {
      const lookups = ctx.metrics.counter("lookups_total", { help: "Lookups.", labels: ["result"] });
      const size = ctx.metrics.gauge("size_bytes", { help: "Size." });
      const seconds = ctx.metrics.histogram("seconds", { help: "Durations.", buckets: [1] });
      ctx.hook("agent:registered", () => {
        lookups.inc(0.6, { result: "a hit" });
        size.set(7);
        seconds.observe(0.3);
      });
    },
  });
  const act = async (t: PluginUnderTest) => {
    for (const end of ["agent:synced", "agent:job-ended", "agent:stop"] as const) {
      await t.call("agent:registered");
      await t.call(end);
    }
  };
  const lines = await linesOf(act, {}, [cache]);
  const prefix = "tagged.agent.prod";
  const own = lines.filter((line) => line.includes("build-cache"));
  const size = `${prefix}.no_tag.no_tag.no_tag.plugin.build-cache.size_bytes:7|g`;
  const count = `${prefix}.no_tag.no_tag.no_tag.plugin.build-cache.seconds.count:1|c`;
  const lookup = `${prefix}.a_hit.no_tag.no_tag.plugin.build-cache.lookups_total:1|c`;
  const sum = `${prefix}.no_tag.no_tag.no_tag.plugin.build-cache.seconds.sum:1|c`;
  expect(own).toEqual([lookup, size, count, size, count, sum, lookup, size, count]);
});

describe("options", () => {
  test("without a host the plugin uses no hooks", async () => {
    await using t = await testPlugin(plugin, { flags: { "statsd-port": "8125" } });
    expect(t.hooks).toEqual([]);
  });

  test.each(["0", "65536", "statsd", "-1", "81.25"])("the port %s is rejected", async (port) => {
    const starting = testPlugin(plugin, { flags: { "statsd-host": "127.0.0.1", "statsd-port": port } });
    await expect(starting).rejects.toThrow("expected a port from 1 to 65535");
  });

  test.each(["http://statsd", "statsd:8125", "127.0.0.1:8125", "[::1]", "a b"])(
    "the host %s is rejected",
    async (host) => {
      const starting = testPlugin(plugin, { flags: { "statsd-host": host } });
      await expect(starting).rejects.toThrow("without scheme and port (statsd-port)");
    },
  );

  test.each(["statsd", "statsd_1.example.com.", "10.0.0.1", "::1", "fe80::1%eth0"])(
    "the host %s is accepted",
    async (host) => {
      await using t = await testPlugin(plugin, { flags: { "statsd-host": host } });
      expect(t.hooks).toContain("agent:job-ended");
    },
  );

  test("an empty port is the default port, as in the reference agent", async () => {
    await using t = await testPlugin(plugin, {
      flags: { "statsd-host": "127.0.0.1", "statsd-port": "", "statsd-namespace": "agent.prod" },
    });
    expect(t.hooks).toContain("agent:job-ended");
  });
});
