import { useMemo, useState } from "preact/hooks";
import type { LogStore } from "./log-store.ts";
import type { Job, Session } from "./types.ts";
import { Strip, toBars } from "./strip.tsx";
import { Plot } from "./plot.tsx";
import { toUsageSeries, valueAt } from "./usage-series.ts";
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
  const bars = useMemo(() => toBars(store, until), [commands, timeline, until]);
  const begin = Math.min(job?.startedAt ?? Infinity, bars[0]?.from ?? Infinity);
  const series = useMemo(() => toUsageSeries(timeline.samples, begin), [timeline, begin]);
  const [at, setAt] = useState<number>();
  if (begin === Infinity) return null;
  const end = Math.max(begin + 1000, until);
  const axis = { begin, end };
  const time = at === undefined ? undefined : begin + at * (end - begin);
  const command = time === undefined ? undefined : bars.findLast((bar) => bar.from <= time && time <= bar.to);
  const { cpu, memory, storage } = series;
  const figures =
    time === undefined
      ? []
      : [
          toTick(Math.round((time - begin) / 1000)),
          format(valueAt(cpu, time), (value) => `CPU ${toCpus(value)}`),
          format(valueAt(memory, time), toSize),
          format(valueAt(storage, time), toRate),
          command ? commands[command.command]!.directive || "(empty command)" : "between commands",
        ].filter((text) => text !== "");
  const show = (): void => {
    if (command) onCommand(command.command);
  };
  const { limits, processors } = timeline;
  return (
    <details class="course" open>
      <summary>
        <h2>Time line</h2>
        <span class="readout">{figures.join(" · ")}</span>
      </summary>
      <div class="tracks">
        <Strip bars={bars} axis={axis} />
        <Plot
          name="CPU"
          series={cpu}
          axis={axis}
          limit={limits.cpus ?? (processors || undefined)}
          least={0.2}
          format={toCpus}
        />
        <Plot
          name="Memory"
          series={memory}
          axis={axis}
          limit={limits.memoryBytes}
          least={2 ** 20}
          format={toSize}
        />
        <Plot name="Storage" series={storage} axis={axis} limit={undefined} least={2 ** 20} format={toRate} />
        <Ticks span={end - begin} />
        <Cursor at={at} setAt={setAt} text={figures.join(", ")} onShow={show} />
      </div>
      {timeline.samples.length === 0 && (
        <p class="quiet">
          {session.hasTimelines
            ? "CPU, memory and storage were not recorded: the job was too short, or ran without a page."
            : "The page of the agent has CPU, memory and storage over time."}
        </p>
      )}
    </details>
  );
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

function Ticks({ span }: { readonly span: number }) {
  const seconds = span / 1000;
  const step = steps.find((each) => seconds / each <= mostTicks) ?? 604_800;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
  return (
    <div class="ticks track" aria-hidden="true">
      <div class="lane">
        {ticks.map((tick) => (
          <span key={tick} style={{ left: `${(tick / seconds) * 100}%` }}>
            {toTick(tick)}
          </span>
        ))}
      </div>
    </div>
  );
}

function toTick(seconds: number): string {
  return seconds === 0 ? "0" : toSpan(seconds * 1000);
}

interface CursorProps {
  /** Share of the axis. */
  readonly at: number | undefined;
  readonly setAt: (at: number | undefined) => void;
  readonly text: string;
  readonly onShow: () => void;
}

const keySteps: Readonly<Record<string, number>> = {
  ArrowLeft: -0.01,
  ArrowRight: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};

/** Reads the figures of a time, by pointer or keyboard. */
function Cursor({ at, setAt, text, onShow }: CursorProps) {
  const move = ({ currentTarget, clientX }: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
    const { left, width } = currentTarget.getBoundingClientRect();
    setAt(Math.min(1, Math.max(0, (clientX - left) / width)));
  };
  return (
    <div
      class="cursor"
      role="slider"
      tabIndex={0}
      aria-label="Time"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round((at ?? 0) * 100)}
      aria-valuetext={text || "Use the arrow keys to read the figures of a time"}
      onPointerMove={move}
      onPointerDown={move}
      onPointerLeave={() => setAt(undefined)}
      onBlur={() => setAt(undefined)}
      onClick={onShow}
      onKeyDown={(event) => {
        const step = keySteps[event.key];
        if (event.key === "Enter") onShow();
        if (step === undefined) return;
        event.preventDefault();
        setAt(Math.min(1, Math.max(0, (at ?? 0) + step)));
      }}
    >
      {at !== undefined && <span class="cursor-line" style={{ left: `${at * 100}%` }} />}
    </div>
  );
}
