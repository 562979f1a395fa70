import { toPrintable } from "signalman";
import type { MirrorMetrics } from "../metrics.ts";
import type { MirrorAnswer } from "../store/mirror.ts";

/** What a job's clones and fetches have cost. */
export interface MirrorUses {
  served(answer: Pick<MirrorAnswer, "bytes" | "originBytes" | "fetchMs">): void;
  /** An answer of the mirror was sent, by an estimate so many milliseconds sooner than by the origin. */
  saved(ms: number): void;
  /** The mirror has fetched what no client waits for. */
  filled(originBytes: number): void;
  /** The origin has answered instead, for a reason. */
  passed(reason: string): void;
  /** The origin has answered instead, and its answer was not whole. */
  failed(reason: string): void;
  /** Lines for the job's log; none when the job has not used the mirror. */
  report(): string[];
}

export function createUses(metrics: MirrorMetrics, toSize: (bytes: number) => string): MirrorUses {
  const total = { served: 0, hits: 0, bytes: 0, originBytes: 0, fetchMs: 0, savedMs: 0 };
  const notes = new Set<string>();
  const note = (text: string): void => {
    metrics.passed();
    if (notes.size < mostNotes) notes.add(toPrintable(text.replaceAll(/[\r\n]+/g, " ")));
  };
  return {
    served({ bytes, originBytes, fetchMs }) {
      const isHit = fetchMs === 0;
      metrics.served(isHit, bytes, originBytes);
      total.served++;
      total.hits += Number(isHit);
      total.bytes += bytes;
      total.originBytes += originBytes;
      total.fetchMs += fetchMs;
    },
    saved(ms) {
      metrics.saved(ms / 1000);
      total.savedMs += ms;
    },
    filled(originBytes) {
      metrics.filled(originBytes);
      total.originBytes += originBytes;
    },
    passed: (reason) => note(`cloned from the origin: ${reason}`),
    failed: (reason) => note(`clone failed: ${reason}; "checkout" and "retry git clone" clone again`),
    report() {
      const { served, hits, bytes, originBytes, fetchMs, savedMs } = total;
      const kind = hits === served ? "hit" : `updated in ${(fetchMs / 1000).toFixed(1)} s`;
      const saved = savedMs < 1000 ? "" : `, about ${Math.round(savedMs / 1000)} s saved`;
      const use = `${kind}: ${toSize(bytes)} served, ${toSize(originBytes)} fetched from the origin${saved}`;
      return [...(served > 0 ? [use] : []), ...notes];
    },
  };
}

const mostNotes = 5;
