import type { ExecutorContext } from "signalman";

/** Reports the pulls in the pod's events to plugins. */
export interface PullObserver {
  readonly onEvent: (reason: string, message: string) => void;
}

export function createPullObserver({ imagePulled }: Pick<ExecutorContext, "imagePulled">): PullObserver {
  const seen = new Set<string>();
  const startedAt = performance.now();
  return {
    onEvent(reason, message) {
      const image = /image "([^"]+)"/.exec(message)?.[1];
      if (image === undefined || seen.has(image)) return;
      const pulled =
        reason === "Pulled" && /^Successfully pulled image "[^"]+" in ([\d.]+(?:ms|s|m\S*))/.exec(message);
      const isFailed = reason === "Failed" && message.startsWith("Failed to pull image");
      if (!pulled && !isFailed) return;
      seen.add(image);
      const durationMs = pulled ? toMs(pulled[1] ?? "") : performance.now() - startedAt;
      void imagePulled({ image, durationMs, isOk: !isFailed });
    },
  };
}

/** Parses a duration of Go: `1m2.5s`, `830ms`. */
function toMs(text: string): number {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  return Array.from(text.matchAll(/([\d.]+)(ms|[hms])/g)).reduce(
    (sum, [, value, unit = ""]) => sum + Number(value) * (units[unit] ?? 0),
    0,
  );
}
