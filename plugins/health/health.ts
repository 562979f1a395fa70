import type { AgentStatus, Logger } from "signalman";
import { findHostFault, isLocal, parseAddress } from "./address.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createListener, toJson, toText } from "./pages.ts";
import { readReadiness } from "./readiness.ts";
import { openServer } from "./server.ts";

export interface HealthOptions {
  readonly listen: string;
  /** Further names of a loopback address. */
  readonly hosts: readonly string[];
  readonly syncAgeMs: number;
  readonly version: string;
  readonly status: () => AgentStatus;
  readonly logger: Logger;
}

export interface Health extends Omit<Metrics, "render" | "contentType"> {
  registered(slot: number): void;
  close(): Promise<void>;
}

/** Serves health, readiness, status and metrics. Each request reads the current status. */
export async function openHealth(options: HealthOptions): Promise<Health> {
  const { status, syncAgeMs, version, logger } = options;
  const address = parseAddress(options.listen);
  const registeredAt = new Map<number, number>();
  const metrics = createMetrics({ version, status });

  const listener = createListener(
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
    { logger, findHostFault: (host) => findHostFault(address, host, options.hosts) },
  );
  const server = await openServer(address, "health-listen", listener);
  logger.info(`health, status and metrics are at ${server.address}`);
  if (!isLocal(address)) {
    logger.warn(
      `${server.address} has no authentication: every host that can reach it can read the status of this agent`,
    );
  }
  return {
    ...metrics,
    registered: (slot) => void registeredAt.set(slot, Date.now()),
    close: server.close,
  };
}
