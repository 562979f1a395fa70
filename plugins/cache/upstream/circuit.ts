/** The attempts of one request. */
export interface Attempts {
  attempts: number;
  /** Monotonic milliseconds. */
  notBefore: number;
}

/**
 * Whether an upstream is asked. After a failure the circuit is open: one request at a time tries the upstream, with
 * growing pauses, until one is answered.
 */
export interface Circuit {
  readonly isOpen: boolean;
  /** Monotonic milliseconds. No request begins before. */
  readonly retryAt: number;
  /** Delays a request that has failed. `isProbe`: it began while the circuit was open. */
  fail(request: Attempts, isProbe: boolean): void;
  /** The upstream has answered. */
  close(): void;
  /** Allows the requests at once, and begins with short pauses again. */
  hasten(requests: Iterable<Attempts>): void;
}

/** `retryMs`: the first pause, doubled with each further one up to `mostRetryMs`. */
export function createCircuit(retryMs: number, mostRetryMs: number): Circuit {
  // Agents that fail together must not return together.
  const toPause = (failures: number): number =>
    Math.min(retryMs * 2 ** (failures - 1), mostRetryMs) * (0.5 + Math.random() / 2);
  const probes = new Set<Attempts>();
  let failures = 0;
  let retryAt = 0;
  return {
    get isOpen() {
      return failures > 0;
    },
    get retryAt() {
      return retryAt;
    },
    fail(request, isProbe) {
      const now = performance.now();
      request.attempts += 1;
      request.notBefore = now + toPause(request.attempts);
      // Requests that ran together fail together, and count once.
      if (failures > 0 && !isProbe) return;
      if (isProbe) probes.add(request);
      failures += 1;
      retryAt = now + toPause(failures);
    },
    close() {
      failures = 0;
      retryAt = 0;
      for (const probe of probes) probe.notBefore = 0;
      probes.clear();
    },
    hasten(requests) {
      failures = Math.min(failures, 1);
      retryAt = 0;
      for (const request of requests) request.notBefore = 0;
    },
  };
}
