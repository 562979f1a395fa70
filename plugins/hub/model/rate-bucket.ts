import type { RateLimit } from "../settings.ts";
import type { Answer } from "./answer.ts";

/** A token bucket (protocol section 0, point 2). */
export interface RateBucket {
  /** Takes a token. Returns the rejecting answer when the bucket is empty. */
  take(): Answer | undefined;
}

export function createRateBucket(limit: RateLimit | undefined, now: () => number): RateBucket {
  let tokens = limit?.burst ?? 0;
  let at = now();
  return {
    take() {
      if (limit === undefined) return undefined;
      tokens = Math.min(limit.burst, tokens + ((now() - at) / 1000) * limit.perSecond);
      at = now();
      if (tokens >= 1) {
        tokens -= 1;
        return undefined;
      }
      const seconds = Math.max(1, Math.ceil((1 - tokens) / limit.perSecond));
      return { status: 429, text: "rate limit exceeded", headers: { "Retry-After": String(seconds) } };
    },
  };
}
