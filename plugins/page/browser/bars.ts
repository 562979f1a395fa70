import type { LogStore } from "./log-store.ts";
import type { Job, Span } from "./types.ts";
import { toCommandTone } from "./words.ts";

/** What happened in a part of a job's time. Bars do not overlap. */
export interface Bar {
  readonly kind: BarKind;
  readonly name: string;
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  /** How long all of it took, of which the bar may be a part. */
  readonly tookMs: number;
  /** The command of the log that it belongs to. */
  readonly command?: number | undefined;
}

export type BarKind = "wait" | "executor" | "image" | "hook" | "agent" | "command" | "failed";

export const kindWords: Readonly<Record<BarKind, string>> = {
  wait: "waiting",
  executor: "executor: start and end",
  image: "images",
  hook: "plugins and hooks",
  agent: "agent",
  command: "commands",
  failed: "failed",
};

/** What is drawn: from `begin` to `end`. The job's time begins at `zero`, and a wait is before it. */
export interface Axis {
  readonly begin: number;
  readonly zero: number;
  readonly end: number;
}

/** The kind of a command of the log. Titles that only the agent gives are those of the protocol. */
export function kindOf(store: LogStore, index: number): BarKind {
  const { directive } = store.commands[index]!;
  const source = store.timeline.blockOf(index)?.[3];
  if (source === "command") return "command";
  // Of a block that has not ended, and in a hub, only the title is known.
  const known = titles.get(directive);
  if (known) return known;
  if (source?.startsWith("plugin ")) return "hook";
  return source === "executor" ? "executor" : source === "core" ? "agent" : "command";
}

const titles: ReadonlyMap<string, BarKind> = new Map([
  ["Pulling docker images...", "image"],
  ["Setting up image pull credentials", "image"],
  ["Starting the docker image...", "executor"],
  ["Creating Kubernetes resources for job...", "executor"],
  ["Starting shell session...", "executor"],
  ["Exporting environment variables", "agent"],
  ["Injecting Files", "agent"],
  ["Checking job result", "agent"],
  ["Running the pre-job hook configured in the agent", "hook"],
  ["Running the post-job hook configured in the agent", "hook"],
]);

/** Phases in which something happens between the commands. */
const phases: ReadonlyMap<string, readonly [BarKind, string]> = new Map([
  ["accept", ["hook", "checks before the start"]],
  ["start-executor", ["executor", "start of the executor"]],
  ["prepare", ["hook", "preparation by plugins"]],
  ["finish", ["hook", "plugins after the commands"]],
  ["dispose", ["executor", "end of the executor"]],
]);

/** Returns the commands of a log up to `end`, with exact times where the agent has recorded them. */
export function toBlockBars(store: LogStore, end: number): Bar[] {
  return store.commands.map((command, index) => {
    const from = store.timeline.blockOf(index)?.[1] ?? command.startedAt * 1000;
    const took = store.timeline.durationOf(index, command);
    const to = took === undefined ? (store.isLive ? Math.max(from, end) : from) : from + took;
    const kind = toCommandTone(command, store.isLive) === "bad" ? "failed" : kindOf(store, index);
    const name = command.directive || "(empty command)";
    return { kind, name, from, to, tookMs: to - from, command: index };
  });
}

/** Returns the bars of a job up to `end`, and the axis on which they are. `undefined` when nothing has begun. */
export function toCourse(
  store: LogStore,
  job: Job | undefined,
  end: number,
): { readonly bars: readonly Bar[]; readonly axis: Axis } | undefined {
  const { spans, assignedAt } = store.timeline.timeline;
  const blocks = toBlockBars(store, end);
  const starts = spans.filter(([kind]) => kind === "phase").map(([, , startedAt]) => startedAt);
  // The start of a phase is exact; while a job runs, its own start has whole seconds.
  const started = starts.length > 0 ? starts : [job?.startedAt ?? Infinity];
  const zero = Math.min(...started, blocks[0]?.from ?? Infinity);
  const waitedFrom = job?.createdAt ?? assignedAt ?? Infinity;
  if (zero === Infinity) {
    if (waitedFrom === Infinity) return undefined;
    const axis = { begin: waitedFrom, zero: waitedFrom, end: Math.max(end, waitedFrom + 1000) };
    return { bars: [toWaitBar(job, axis, axis.end - axis.begin)], axis };
  }
  const last = Math.max(zero + 1000, end);
  const span = last - zero;
  // By one clock: that of a hub need not be that of the agent.
  const waitedMs = Math.max(0, (job?.createdAt === undefined ? zero : (job.startedAt ?? zero)) - waitedFrom);
  const isWaitShown = waitedMs > span / 100;
  const axis = { begin: isWaitShown ? zero - Math.min(waitedMs, span * longestWait) : zero, zero, end: last };
  const pulled = spans.filter(([kind]) => kind === "pull").map((pull) => toPullBar(pull, blocks));
  // A pod's images may be pulled at once.
  const pulls = pulled.flatMap((pull, index) => cut([pull], pulled.slice(0, index)));
  const parts = spans.flatMap((phase) => toPhaseBar(phase));
  const bars = [
    ...cut(parts, blocks).filter(({ from, to }) => to - from > span / leastShare),
    ...cut(blocks, pulls),
    ...pulls,
  ].toSorted((a, b) => a.from - b.from);
  return { bars: isWaitShown ? [toWaitBar(job, { ...axis, end: zero }, waitedMs), ...bars] : bars, axis };
}

/** A shorter part of the time, which nothing in the log shows, is left out. */
const leastShare = 500;
/** A wait takes at most this share of the job's own time: it may have been hours. */
const longestWait = 0.15;

/** How long each kind took in the bars. */
export function toTotals(bars: readonly Bar[]): readonly (readonly [BarKind, number])[] {
  const kinds = (Object.keys(kindWords) as BarKind[]).filter((kind) => bars.some((bar) => bar.kind === kind));
  return kinds.map((kind) => [
    kind,
    bars
      .filter((bar) => bar.kind === kind)
      .reduce((sum, { from, to, tookMs }) => sum + (kind === "wait" ? tookMs : to - from), 0),
  ]);
}

function toWaitBar(job: Job | undefined, { begin, end }: Axis, tookMs: number): Bar {
  const name = job?.createdAt === undefined ? "the job is fetched and started" : "in the queue";
  return { kind: "wait", name, from: begin, to: end, tookMs };
}

function toPullBar([, name, from, tookMs, isOk]: Span, blocks: readonly Bar[]): Bar {
  const within = blocks.find((block) => block.from <= from + tookMs / 2 && from + tookMs / 2 <= block.to);
  const kind = isOk ? "image" : "failed";
  return { kind, name, from, to: from + tookMs, tookMs, command: within?.command };
}

function toPhaseBar([, name, from, tookMs]: Span): Bar[] {
  const [kind, word] = phases.get(name) ?? [];
  return kind && word ? [{ kind, name: word, from, to: from + tookMs, tookMs }] : [];
}

/** Returns what others do not cover. A bar without a length stays. */
function cut(bars: readonly Bar[], covers: readonly Bar[]): Bar[] {
  const sorted = covers.toSorted((a, b) => a.from - b.from);
  return bars.flatMap((bar) => {
    const pieces: Bar[] = [];
    let { from } = bar;
    for (const cover of sorted) {
      if (cover.from >= bar.to) break;
      if (cover.to <= from) continue;
      if (cover.from > from) pieces.push({ ...bar, from, to: cover.from });
      from = cover.to;
    }
    return from < bar.to || from === bar.from ? [...pieces, { ...bar, from }] : pieces;
  });
}
