import { type AgentStatus, definePlugin } from "signalman";
import { config, toPort } from "./config.ts";
import { count, gauge, type Metric, time } from "./metric.ts";
import type { Sender } from "./sender.ts";

/** Sends metrics of the agent and its jobs to a StatsD server, under the names of the reference agent (protocol section 6.3). */
export default definePlugin({
  name: "statsd",
  description: "sends metrics of the agent and its jobs to a StatsD server",
  config,
  flags: {
    "statsd-host": "statsd-host",
    "statsd-port": "statsd-port",
    "statsd-namespace": "statsd-namespace",
  },
  setup(ctx, { "statsd-host": host, "statsd-port": port, "statsd-namespace": namespace }) {
    if (host === "") return;
    let readStatus: (() => AgentStatus) | undefined;
    let sender: Promise<Sender> | undefined;
    const open = async (): Promise<Sender> => {
      const { createSender } = await import("./sender.ts");
      return createSender({ host, port: toPort(port), namespace, logger: ctx.log });
    };
    const send = async (...metrics: readonly Metric[]): Promise<void> => {
      const { send: take } = await (sender ??= open());
      metrics.forEach(take);
    };
    const busySlots = (): Metric[] => {
      const busy = readStatus?.().slots.filter(({ job }) => job !== undefined);
      return busy ? [gauge("slot.busy", busy.length)] : [];
    };
    ctx.defer(async () => (await sender)?.[Symbol.asyncDispose]());

    ctx.hook("agent:start", ({ status }) => void (readStatus = status));
    ctx.hook("agent:registered", () => send(count("slot.registered")));
    ctx.hook("agent:synced", ({ durationMs, error }) =>
      send(error === undefined ? time("sync.duration", durationMs) : count("sync.failed"), ...busySlots()),
    );
    ctx.hook("agent:left", ({ reason }) => send(count("slot.left", [reason]), ...busySlots()));

    ctx.hook("agent:job-started", ({ job }) => send(count("job.started", [job.executor])));
    ctx.hook("agent:job-ended", ({ job: { executor }, result, durationMs, log, delivery }) =>
      send(
        count("job.ended", [executor, result]),
        time("job.duration", durationMs, [executor, result]),
        count("job.log.bytes", [executor], log.bytes),
        count("job.log.dropped", [executor], log.droppedBytes),
        count("job.log.undelivered", [executor], delivery.undelivered),
      ),
    );

    // The reference agent measures only this image, and only as the first image of a job.
    ctx.hook("image:pulled", async ({ job, image, durationMs, isOk }) => {
      if (image !== job.containers[0]?.image || !image.includes(measured)) return;
      await send(
        gauge("compose.docker.pull.rate", 1, [measured]),
        ...(isOk ? [] : [gauge("compose.docker.error.rate", 1, [measured])]),
        gauge("compose.docker.pull.duration", durationMs / 1000, [measured]),
      );
    });
  },
});

const measured = "semaphoreci/android";
