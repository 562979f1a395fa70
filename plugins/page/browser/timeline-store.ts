import { call } from "./call.ts";
import type { Block, Command, Sample, Span, Timeline, TimelineNews } from "./types.ts";

const none: Timeline = { limits: {}, processors: 0, samples: [], blocks: [], spans: [] };

/** Samples that are kept of a job that is followed; beyond it, every second one of the older half. */
const mostSamples = 3000;

/** What is known of a job's use over time, and of what its blocks are. */
export class TimelineStore {
  timeline = none;
  readonly #path: string;
  #blocks = new Map<number, Block>();

  constructor(path: string) {
    this.#path = `${path}/timeline`;
  }

  async load(): Promise<void> {
    const timeline = await call<TimelineNews>("GET", this.#path);
    this.#blocks = new Map(timeline.blocks.map((block) => [block[0], block]));
    this.timeline = { ...none, ...timeline };
  }

  /** Adds what a message has brought. */
  add({ samples, blocks, spans, ...frame }: TimelineNews): void {
    for (const block of blocks) this.#blocks.set(block[0], block);
    const last = this.timeline.samples.at(-1)?.[0] ?? 0;
    const added = samples.filter(([at]) => at > last);
    const isKnown = (span: Span): boolean =>
      this.timeline.spans.some(([, name, startedAt]) => name === span[1] && startedAt === span[2]);
    this.timeline = {
      ...this.timeline,
      ...frame,
      samples: thin([...this.timeline.samples, ...added]),
      spans: [...this.timeline.spans, ...(spans ?? []).filter((span) => !isKnown(span))],
    };
  }

  /** The block of a command: the commands of a log are its blocks. */
  blockOf(command: number): Block | undefined {
    return this.#blocks.get(command);
  }

  /** How long a command took. Logs have whole seconds. */
  durationOf(command: number, { startedAt, finishedAt }: Command): number | undefined {
    return finishedAt === undefined
      ? undefined
      : (this.blockOf(command)?.[2] ?? (finishedAt - startedAt) * 1000);
  }
}

function thin(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= mostSamples) return samples;
  return samples.filter((_, index) => index % 2 === 1 || index > mostSamples / 2);
}
