import type { AgentStatus, Logger, PluginMetric } from "signalman";
import { type HttpLimits, openHttpServer } from "signalman/http";
import { parseAddress } from "./address.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createHandler, toJson, toText } from "./pages.ts";
import { readReadiness } from "./readiness.ts";

export interface HealthOptions {
  readonly listen: string;
  /** Further names of a loopback address. */
  readonly hosts: readonly string[];
  readonly syncAgeMs: number;
  readonly version: string;
  readonly status: () => AgentStatus;
  /** Reads the metrics of all plugins. */
  readonly pluginMetrics: () => readonly PluginMetric[];
  readonly logger: Logger;
}

export interface Health extends Omit<Metrics, "render" | "contentType"> {
  registered(slot: number): void;
  close(): Promise<void>;
}

/**
 * A connection carries one request. An answer fits into the buffers of the kernel, unless a client reads
 * nothing.
 */
const limits: HttpLimits = {
  connections: 64,
  requests: 1,
  requestMs: 2000,
  answerMs: 10_000,
  idleMs: 2000,
};

/** Serves health, readiness, status and metrics. Each request reads the current status. */
export async function openHealth(options: HealthOptions): Promise<Health> {
  const { status, syncAgeMs, version, logger, pluginMetrics } = options;
  const registeredAt = new Map<number, number>();
  const metrics = createMetrics({ version, status, pluginMetrics });

  const handler = createHandler(
    {
      "/healthz": () => toText("ok"),
      "/readyz"() {
        const reasons = readReadiness({ status: status(), registeredAt, syncAgeMs, now: Date.now() });
        const ready = reasons.length === 0;
        return toJson({ ready, reasons }, ready ? 200 : 503);
      },
      "/status": () => toJson({ ...status(), versions: { signalman: version, bun: Bun.version } }),
      "/metrics": async () => ({ type: metrics.contentType, body: await metrics.render() }),
    },
    logger,
  );
  const server = await openHttpServer(
    {
      address: parseAddress(options.listen),
      option: "health-listen",
      hosts: { names: options.hosts, option: "health-hosts" },
      limits,
      logger,
    },
    handler,
  );
  logger.info(`health, status and metrics are at ${server.url}`);
  if (!server.isLocal) {
    logger.warn(
      `${server.url} has no authentication: every host that can reach it can read the status of this agent`,
    );
  }
  return {
    ...metrics,
    registered: (slot) => void registeredAt.set(slot, Date.now()),
    close: server.close,
  };
}
