import type { Handler } from "signalman/http";

export interface HealthOptions {
  /** Rejects when objects of an earlier process cannot be found: lists fail then. */
  readonly loaded: Promise<void>;
  /** Returns all metrics as a text. */
  readonly readMetrics: () => string;
  /** Answers all other requests. */
  readonly next: Handler;
}

/**
 * Answers `GET /healthz`, `/readyz` and `/metrics`, which no bucket of a cache is named: what probes and Prometheus
 * ask. It needs no key, and tells sums only. A cache is ready when all of its objects are known.
 */
export function createHealthHandler({ loaded, readMetrics, next }: HealthOptions): Handler {
  let [status, text] = [503, "the objects of the cache are being listed\n"];
  loaded.then(
    () => ([status, text] = [200, "ready\n"]),
    () => ([status, text] = [503, "the objects of the cache could not be listed, see its log\n"]),
  );
  const answers: Readonly<Record<string, () => readonly [status: number, text: string]>> = {
    "/healthz": () => [200, "ok\n"],
    "/readyz": () => [status, text],
    "/metrics": () => [200, readMetrics()],
  };
  return async (exchange) => {
    const { method, path } = exchange;
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer === undefined) return next(exchange);
    if (method !== "GET" && method !== "HEAD") return exchange.send(405, "expected GET or HEAD\n");
    return exchange.send(...answer(), { "content-type": "text/plain; charset=utf-8" });
  };
}
