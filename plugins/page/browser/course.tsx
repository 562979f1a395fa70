import { useMemo, useState } from "preact/hooks";
import { type Axis, type Bar, kindWords, toCourse } from "./bars.ts";
import { Cursor, type Place } from "./cursor.tsx";
import type { LogStore } from "./log-store.ts";
import type { Job, Session, Timeline } from "./types.ts";
import { Legend, Strip } from "./strip.tsx";
import { Plot } from "./plot.tsx";
import { toUsageSeries, type UsageSeries, valueAt } from "./usage-series.ts";
import { toSize, toSpan } from "./words.ts";

export interface CourseProps {
  readonly store: LogStore;
  readonly job: Job | undefined;
  readonly now: number;
  readonly session: Session;
  readonly onCommand: (command: number) => void;
}

/** What a job did and used, on one axis. */
export function Course({ store, job, now, session, onCommand }: CourseProps) {
  const { timeline } = store.timeline;
  const { commands, isLive } = store;
  const until = isLive ? now : findEnd(store, job);
  const course = useMemo(() => toCourse(store, job, until), [commands, job, timeline, until]);
  const zero = course?.axis.zero ?? 0;
  const series = useMemo(() => toUsageSeries(timeline.samples, zero), [timeline, zero]);
  const [place, setPlace] = useState<Place>();
  if (!course) return null;
  const { bars, axis } = course;
  const length = axis.end - axis.begin;
  const time = place && axis.begin + place.share * length;
  const index = time === undefined ? -1 : (place?.bar ?? findBar(bars, time, length));
  const bar = bars[index];
  const figures = time === undefined ? [] : [...toBarText(bar), ...toFigures(series, time, zero)];
  const step = (by: 1 | -1): void => {
    const nearest = by === 1 ? bars.findIndex(({ from }) => from > (time ?? 0)) : findBefore(bars, time);
    const next = Math.max(0, bar ? Math.min(bars.length - 1, index + by) : nearest);
    if (bars[next])
      setPlace({ share: ((bars[next].from + bars[next].to) / 2 - axis.begin) / length, bar: next });
  };
  const gap = findGap({ series, timeline, isLive, session });
  const show = (): void => {
    if (bar?.command !== undefined) onCommand(bar.command);
  };
  return (
    <details class="course" open>
      <summary>
        <h2>Time line</h2>
        <span class="readout">{figures.join(" · ")}</span>
      </summary>
      <div class="tracks">
        <Strip bars={bars} axis={axis} />
        <Plots series={series} axis={axis} timeline={timeline} />
        <Ticks axis={axis} />
        <Cursor place={place} setPlace={setPlace} onStep={step} text={figures.join(", ")} onShow={show} />
      </div>
      <Legend bars={bars} />
      {gap !== "" && <p class="quiet">{gap}</p>}
    </details>
  );
}

interface PlotsProps {
  readonly series: UsageSeries;
  readonly axis: Axis;
  readonly timeline: Timeline;
}

function Plots({ series: { cpu, memory, storage }, axis, timeline: { limits, processors } }: PlotsProps) {
  const cpus = limits.cpus ?? (processors || undefined);
  const memoryBytes = limits.memoryBytes;
  return (
    <>
      <Plot name="CPU" series={cpu} axis={axis} limit={cpus} least={0.2} format={toCpus} />
      <Plot name="Memory" series={memory} axis={axis} limit={memoryBytes} least={2 ** 20} format={toSize} />
      <Plot name="Storage" series={storage} axis={axis} limit={undefined} least={2 ** 20} format={toRate} />
    </>
  );
}

interface GapOptions {
  readonly series: UsageSeries;
  readonly timeline: Timeline;
  readonly isLive: boolean;
  readonly session: Session;
}

/** Says why a plot is missing. */
function findGap({ series, timeline, isLive, session }: GapOptions): string {
  if (!session.hasTimelines) return "The page of the agent has CPU, memory and storage over time.";
  if (timeline.processors === 0 && !isLive)
    return "CPU, memory and storage were not recorded: the job ran without a page.";
  const missing = ["cpu", "memory", "storage"].filter((name) => !series[name as keyof UsageSeries]);
  if (missing.length === 0) return "";
  if (isLive && missing.length === 3) return "CPU, memory and storage are shown after their first sample.";
  const names = missing.join(" and ").replace("cpu", "CPU");
  if (missing.length < 3) return `The job's executor does not measure ${names}.`;
  return "CPU, memory and storage are unknown: the job ended before the first sample, or its executor does not measure them.";
}

/** The shortest of the bars at a time, since a narrow one is hard to meet. */
function findBar(bars: readonly Bar[], time: number, length: number): number {
  const around = length / 700;
  const near = bars.filter(({ from, to }) => from - around <= time && time <= to + around);
  const [shortest] = near.toSorted((a, b) => a.to - a.from - (b.to - b.from));
  return shortest ? bars.indexOf(shortest) : -1;
}

function findBefore(bars: readonly Bar[], time: number | undefined): number {
  return time === undefined ? bars.length - 1 : bars.findLastIndex(({ to }) => to < time);
}

function toBarText(bar: Bar | undefined): string[] {
  return bar ? [bar.name, `${kindWords[bar.kind]} ${toSpan(Math.round(bar.tookMs))}`] : ["between steps"];
}

function toFigures({ cpu, memory, storage }: UsageSeries, time: number, zero: number): string[] {
  return [
    time < zero ? "before the start" : `at ${toTick(Math.round((time - zero) / 1000))}`,
    format(valueAt(cpu, time), (value) => `CPU ${toCpus(value)}`),
    format(valueAt(memory, time), toSize),
    format(valueAt(storage, time), toRate),
  ].filter((text) => text !== "");
}

function findEnd({ commands }: LogStore, job: Job | undefined): number {
  const last = commands.at(-1);
  return Math.max(job?.finishedAt ?? 0, (last?.finishedAt ?? last?.startedAt ?? 0) * 1000);
}

function format(value: number | undefined, toText: (value: number) => string): string {
  return value === undefined ? "" : toText(value);
}

function toCpus(value: number): string {
  if (value < 0.095) return value.toFixed(2);
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

function toRate(value: number): string {
  return `${toSize(Math.round(value))}/s`;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
const mostTicks = 6;

function Ticks({ axis: { begin, zero, end } }: { readonly axis: Axis }) {
  const seconds = (end - zero) / 1000;
  const step = steps.find((each) => seconds / each <= mostTicks) ?? 604_800;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
  return (
    <div class="ticks track" aria-hidden="true">
      <div class="lane">
        {ticks.map((tick) => {
          const share = (zero - begin + tick * 1000) / (end - begin);
          return (
            <span key={tick} class={share > 0.96 ? "last" : ""} style={{ left: `${share * 100}%` }}>
              {toTick(tick)}
            </span>
          );
        })}
      </div>
    </div>
  );
}

function toTick(seconds: number): string {
  return seconds === 0 ? "0" : toSpan(seconds * 1000);
}
