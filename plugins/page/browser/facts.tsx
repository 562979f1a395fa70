import { useMemo } from "preact/hooks";
import { toSizeHint } from "./size-hint.ts";
import type { Job, Timeline } from "./types.ts";
import { toUsageSeries } from "./usage-series.ts";
import { toDuration, toSize, toSpan, toTime } from "./words.ts";

export interface FactsProps {
  readonly job: Job;
  readonly now: number;
  readonly timeline: Timeline;
}

/** What is known of a job besides its log. */
export function Facts({ job, now, timeline }: FactsProps) {
  const size = useMemo(() => toSizeFacts(job, timeline), [job, timeline]);
  const known = [...toFacts(job, now), ...size];
  const rows = known.filter(([, value]) => value !== undefined && value !== "");
  const { variables = [] } = job;
  return (
    <section class="facts" aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {variables.length > 0 && (
        <details>
          <summary>{variables.length} variables</summary>
          <ul class="variables">
            {variables.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function toFacts(job: Job, now: number): (readonly [string, string | undefined])[] {
  const { log, usage, createdAt, startedAt, finishedAt } = job;
  return [
    ["agent", job.agent],
    ["place in the queue", job.place === undefined ? undefined : String(job.place)],
    ["executor", job.executor],
    ["project", job.project],
    ["branch", job.branch],
    ["reason", job.reason],
    ["waited", createdAt === undefined ? undefined : toSpan((startedAt ?? finishedAt ?? now) - createdAt)],
    ["started", startedAt === undefined ? undefined : toTime(startedAt, now)],
    ["finished", finishedAt === undefined ? undefined : toTime(finishedAt, now)],
    ["wall time", toDuration(job, now)],
    ["CPU time", pair([usage?.cpuUserMs, toSpan, "user"], [usage?.cpuSystemMs, toSpan, "system"])],
    ["peak memory", usage?.peakMemoryBytes === undefined ? undefined : toSize(usage.peakMemoryBytes)],
    ["storage", pair([usage?.readBytes, toSize, "read"], [usage?.writtenBytes, toSize, "written"])],
    ["log", log && toSize(log.bytes) + (log.isTrimmed ? ", its end is missing" : "")],
    ["delivered", log?.deliveredBytes === undefined ? undefined : toShare(log.deliveredBytes, log.bytes)],
    ["id", job.id],
  ];
}

/** The limits of a job, and which ones its use suggests once it has ended. */
function toSizeFacts({ state, startedAt = 0, usage }: Job, timeline: Timeline): ReturnType<typeof toFacts> {
  const { memoryBytes, cpus } = timeline.limits;
  const series = toUsageSeries(timeline.samples, startedAt);
  return [
    ["limits", pair([memoryBytes, toSize, "memory"], [cpus, String, "CPUs"])],
    ["out of memory", usage?.oomKills ? `${usage.oomKills} processes were killed` : undefined],
    ["right size", state === "finished" ? toSizeHint(timeline, series) : undefined],
  ];
}

type Figure = readonly [value: number | undefined, format: (value: number) => string, what: string];

function pair(...figures: readonly Figure[]): string {
  return figures
    .flatMap(([value, format, what]) => (value === undefined ? [] : [`${format(value)} ${what}`]))
    .join(", ");
}

function toShare(part: number, whole: number): string {
  return part >= whole ? "all of it" : `${toSize(part)} of ${toSize(whole)}`;
}
