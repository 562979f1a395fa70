import { AgentError } from "signalman";
import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(0, "expected 0 or more"));

/** What is to go wrong, and when. */
export const faultRule = v.strictObject({
  /**
   * Endpoints, comma-separated, `*` for anything: `register`, `sync`, `sync/finished-job`, `fetch`, `refresh`, `disconnect`, `log`,
   * `metrics`, `occupancy`, `jobs`. `sync` is every sync.
   */
  on: v.optional(v.pipe(v.string(), v.minLength(1, "expected an endpoint, or *")), "*"),
  /**
   * `delay`: is processed `delayMs` late, unless the agent has gone. `delay-after`: is processed, and answered late.
   * `drop-before`, `drop-after`: the connection is closed before, or after it was processed. `cut`: half of the answer's body, then
   * closed. `bad-body`: an answer that means nothing. `status`: another status, nothing is processed. `partition`: nothing
   * is answered as long as the rule holds, then the connection is closed.
   */
  kind: v.picklist([
    "delay",
    "delay-after",
    "drop-before",
    "drop-after",
    "cut",
    "bad-body",
    "status",
    "partition",
  ]),
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)), 503),
  delayMs: v.optional(count, 1000),
  /** Of each request that matches. */
  probability: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 1),
  /** The same seed spoils the same requests, counted by this rule. */
  seed: v.optional(v.pipe(v.number(), v.integer()), 1),
  /** So many requests are spared at first. */
  skip: v.optional(count, 0),
  /** So many are spoiled in all. */
  count: v.optional(count),
  /** From when to when, in ms since the rule was made. */
  fromMs: v.optional(count, 0),
  untilMs: v.optional(count),
});

export type FaultRule = v.InferInput<typeof faultRule>;
export type FaultKind = FaultRule["kind"];

/** A rule in force. */
export interface Fault extends Readonly<v.InferOutput<typeof faultRule>> {
  readonly id: number;
  readonly addedAt: number;
  /** Requests that it was asked about, and that it spoiled. */
  readonly matched: number;
  readonly hits: number;
}

export interface Faults {
  readonly list: readonly Fault[];
  /** Throws `USAGE_INVALID` for a rule that makes no sense. */
  add(rule: FaultRule): Fault;
  /** `false` when there is none with this id. */
  remove(id: number): boolean;
  clear(): void;
  /** Decides about one request: the first rule that wants it has it. */
  hit(endpoint: string): Fault | undefined;
  /** Milliseconds until the rule ends: infinite for one without an end, 0 for one that is gone. */
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
        throw new AgentError("USAGE_INVALID", `the fault cannot be understood: ${faults.join("; ")}`);
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

/** Evenly in [0, 1), the same for the same numbers (mulberry32's mixing). */
function random(seed: number, number: number): number {
  let mixed = (Math.imul(seed, 0x9e3779b1) + Math.imul(number + 1, 0x6d2b79f5)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
