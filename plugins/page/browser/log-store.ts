import { call } from "./call.ts";
import { TimelineStore } from "./timeline-store.ts";
import type { Command, Job, JobMessage, Row } from "./types.ts";

/** Rows that are requested at once. */
const pageRows = 200;
/** Rows that are kept; the others are requested again. */
const mostPages = 100;

/** A command with its rows, or the rows before the first command. */
interface Segment {
  readonly row: number;
  /** Number of rows, with that of the command. */
  rows: number;
  readonly command?: number;
  isFolded: boolean;
  /** Place of the first row among those that are shown. */
  place: number;
}

/** What is known of a job's log: some of its rows, and which are shown. */
export class LogStore {
  total = 0;
  commands: Command[] = [];
  /** Number of commands; the server keeps not all of a great many. */
  count = 0;
  job: Job | undefined;
  isLoaded = false;
  readonly timeline: TimelineStore;
  readonly #path: string;
  readonly #pages = new Map<number, Row[]>();
  readonly #loading = new Set<number>();
  readonly #folds = new Map<number, boolean>();
  readonly #listeners = new Set<() => void>();
  #segments: Segment[] = [];
  #shown = 0;

  constructor(jobId: string) {
    this.#path = `/api/jobs/${encodeURIComponent(jobId)}`;
    this.timeline = new TimelineStore(this.#path);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async load(): Promise<void> {
    const message = await call<JobMessage>("GET", this.#path);
    this.#pages.clear();
    this.total = 0;
    this.apply(message);
  }

  /** Takes a message over. Messages may have been left out before it. */
  apply(message: JobMessage): void {
    const { job, total, count, from, rows, commands, commandsFrom = 0 } = message;
    this.job = job ?? this.job;
    if (message.timeline) this.timeline.add(message.timeline);
    const grown = this.total - 1;
    if (from > grown && grown >= 0) delete this.#pages.get(Math.floor(grown / pageRows))?.[grown % pageRows];
    this.total = total;
    this.count = count;
    rows.forEach((row, index) => this.#put(from + index, row));
    if (commandsFrom > this.commands.length) void this.load().catch(() => {});
    else this.commands = [...this.commands.slice(0, commandsFrom), ...commands];
    this.isLoaded = true;
    // What ends while it is looked at stays as it is.
    this.commands.forEach(({ finishedAt }, command) => {
      if (finishedAt === undefined && !this.#folds.has(command)) this.#folds.set(command, false);
    });
    this.#arrange();
  }

  get isLive(): boolean {
    return this.job?.state === "running" || this.job?.state === "queued";
  }

  get shown(): number {
    return this.#shown;
  }

  get firstFailure(): number | undefined {
    const at = this.commands.findIndex(({ exitCode }) => exitCode !== undefined && exitCode !== 0);
    return at === -1 ? undefined : at;
  }

  row(row: number): Row | undefined {
    return this.#pages.get(Math.floor(row / pageRows))?.[row % pageRows];
  }

  /** The row at a place among those that are shown. */
  rowAt(place: number): number {
    const segment = this.#segmentAt(({ place: first }) => first <= place);
    return segment ? segment.row + place - segment.place : place;
  }

  placeOf(row: number): number {
    if (row >= this.total) return this.#shown;
    const segment = this.#segmentAt((each) => each.row <= row);
    return segment ? segment.place + (segment.isFolded ? 0 : row - segment.row) : row;
  }

  /** The command that a row belongs to. */
  commandOf(row: number): number | undefined {
    return this.#segmentAt((each) => each.row <= row)?.command;
  }

  isFolded(command: number): boolean {
    const own = this.#folds.get(command);
    if (own !== undefined) return own;
    // What has passed is folded when something else is to be looked at.
    const { exitCode } = this.commands[command] ?? {};
    return exitCode === 0 && command !== this.commands.length - 1 && this.commands.length > 1;
  }

  fold(command: number, isFolded: boolean): void {
    this.#folds.set(command, isFolded);
    this.#arrange();
  }

  foldAll(isFolded: boolean): void {
    this.commands.forEach((_, command) => this.#folds.set(command, isFolded));
    this.#arrange();
  }

  /** The last row of a command. */
  lastRowOf(command: number): number {
    return (this.commands[command + 1]?.row ?? this.total) - 1;
  }

  /** Requests rows that are missing. */
  need(rows: readonly number[]): void {
    const missing = new Set(
      rows.filter((row) => row < this.total && !this.row(row)).map((row) => Math.floor(row / pageRows)),
    );
    for (const page of missing)
      if (!this.#loading.has(page) && this.#loading.size < 4) void this.#loadPage(page);
  }

  async #loadPage(page: number): Promise<void> {
    this.#loading.add(page);
    try {
      const query = `from=${page * pageRows}&count=${pageRows}`;
      const { from, rows } = await call<{ from: number; rows: Row[] }>("GET", `${this.#path}/rows?${query}`);
      rows.forEach((row, index) => this.#put(from + index, row));
    } catch {
      // The rows are requested again when they are shown again; the connection's state is shown elsewhere.
      await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      this.#loading.delete(page);
      this.#tell();
    }
  }

  #put(row: number, value: Row): void {
    const page = Math.floor(row / pageRows);
    const rows = this.#pages.get(page) ?? [];
    rows[row % pageRows] = value;
    // The page that was used last is the last one.
    this.#pages.delete(page);
    this.#pages.set(page, rows);
    const [oldest = page] = this.#pages.keys();
    if (this.#pages.size > mostPages) this.#pages.delete(oldest);
  }

  #segmentAt(isBefore: (segment: Segment) => boolean): Segment | undefined {
    let [low, high] = [0, this.#segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.#segments[middle]!)) low = middle + 1;
      else high = middle;
    }
    return this.#segments[low - 1];
  }

  #arrange(): void {
    const segments: Segment[] = [];
    if ((this.commands[0]?.row ?? this.total) > 0)
      segments.push({ row: 0, rows: 0, isFolded: false, place: 0 });
    this.commands.forEach(({ row }, command) =>
      segments.push({ row, rows: 0, command, isFolded: this.isFolded(command), place: 0 }),
    );
    let place = 0;
    segments.forEach((segment, index) => {
      segment.rows = (segments[index + 1]?.row ?? this.total) - segment.row;
      segment.place = place;
      place += segment.isFolded ? Math.min(1, segment.rows) : segment.rows;
    });
    this.#segments = segments;
    this.#shown = place;
    this.#tell();
  }

  #tell(): void {
    this.#listeners.forEach((listener) => listener());
  }
}
