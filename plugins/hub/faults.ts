import { AgentError } from "signalman";
import * as v from "valibot";
import { longestMs } from "./settings.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0, "expected 0 or more"));
const durationMs = v.pipe(count, v.maxValue(longestMs, `expected at most ${longestMs} ms`));

export const faultKinds = [
  "delay",
  "delay-after",
  "drop-before",
  "drop-after",
  "cut",
  "bad-body",
  "status",
  "partition",
] as const;

/** Describes which requests fail, how, and when. */
export const faultRule = v.strictObject({
  /**
   * Comma-separated endpoints, `*` for any text: `register`, `sync`, `sync/finished-job`, `fetch`, `refresh`,
   * `disconnect`, `log`, `metrics`, `occupancy`, `jobs`. `sync` matches every sync.
   */
  on: v.optional(v.pipe(v.string(), v.minLength(1, "expected an endpoint, or *")), "*"),
  /**
   * `delay`: the request is processed after `delayMs`, unless the agent has disconnected. `delay-after`: the
   * request is processed at once and answered after `delayMs`. `drop-before`, `drop-after`: the connection is
   * closed before or after the request is processed. `cut`: half of the response body is sent, then the
   * connection is closed. `bad-body`: the response body is invalid JSON. `status`: the request is answered
   * with `status` and not processed. `partition`: the request gets no answer while the rule is in force; then
   * the connection is closed.
   */
  kind: v.picklist(faultKinds),
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)), 503),
  delayMs: v.optional(durationMs, 1000),
  /** Probability that a matching request fails. */
  probability: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 1),
  /**
   * Seed of the random choice: the same seed selects the same requests, counted from the rule's first match.
   */
  seed: v.optional(v.pipe(v.number(), v.integer()), 1),
  /** Number of matching requests to pass before the first fault. */
  skip: v.optional(count, 0),
  /** Maximum number of faults. Default: no limit. */
  count: v.optional(count),
  /** Period in which the rule is in force, in milliseconds since it was added. */
  fromMs: v.optional(durationMs, 0),
  untilMs: v.optional(durationMs),
});

export type FaultRule = v.InferInput<typeof faultRule>;
export type FaultKind = FaultRule["kind"];

/** A rule in force. */
export interface Fault extends Readonly<v.InferOutput<typeof faultRule>> {
  readonly id: number;
  readonly addedAt: number;
  /** Number of matching requests. */
  readonly matched: number;
  /** Number of requests that failed because of this rule. */
  readonly hits: number;
}

/** The rules by which the hub injects faults. */
export interface Faults {
  readonly list: readonly Fault[];
  /** Throws `USAGE_INVALID` for an invalid rule. */
  add(rule: FaultRule): Fault;
  /** Returns `false` for an unknown id. */
  remove(id: number): boolean;
  clear(): void;
  /** Returns the first rule that makes this request fail, if any. */
  hit(endpoint: string): Fault | undefined;
  /** Milliseconds until the rule ends: infinite for a rule without an end, 0 for a removed rule. */
  remainingMs(fault: Fault): number;
}

export function createFaults(now: () => number): Faults {
  const list: Writable<Fault>[] = [];
  let next = 1;
  const ageOf = (fault: Fault): number => now() - fault.addedAt;
  const isInForce = (fault: Fault): boolean =>
    fault.hits < (fault.count ?? Number.POSITIVE_INFINITY) &&
    ageOf(fault) >= fault.fromMs &&
    ageOf(fault) < (fault.untilMs ?? Number.POSITIVE_INFINITY);
  return {
    list,
    add(rule) {
      const result = v.safeParse(faultRule, rule);
      if (!result.success) {
        const faults = result.issues.map(({ path, message }) => `${path?.[0]?.key ?? "rule"}: ${message}`);
        throw new AgentError("USAGE_INVALID", `invalid fault rule: ${faults.join("; ")}`);
      }
      const fault = { ...result.output, id: next++, addedAt: now(), matched: 0, hits: 0 };
      list.push(fault);
      return fault;
    },
    remove(id) {
      const index = list.findIndex((fault) => fault.id === id);
      if (index !== -1) list.splice(index, 1);
      return index !== -1;
    },
    clear: () => void (list.length = 0),
    hit(endpoint) {
      for (const fault of list) {
        if (!isInForce(fault) || !isMatch(fault.on, endpoint)) continue;
        const number = fault.matched++;
        if (number < fault.skip || random(fault.seed, number) >= fault.probability) continue;
        fault.hits += 1;
        return fault;
      }
      return undefined;
    },
    remainingMs(fault) {
      if (!list.includes(fault)) return 0;
      return Math.max(0, (fault.untilMs ?? Number.POSITIVE_INFINITY) - ageOf(fault));
    },
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function isMatch(patterns: string, endpoint: string): boolean {
  return patterns.split(",").some((pattern) => {
    const parts = pattern
      .trim()
      .split("*")
      .map((part) => part.replaceAll(/[^\w]/g, String.raw`\$&`));
    return new RegExp(`^${parts.join(".*")}(/.*)?$`).test(endpoint);
  });
}

/** Returns a number in [0, 1) that depends on the arguments only (mulberry32's mixing function). */
function random(seed: number, number: number): number {
  let mixed = (Math.imul(seed, 0x9e3779b1) + Math.imul(number + 1, 0x6d2b79f5)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
