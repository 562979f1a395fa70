import type { BoardActions, BoardJob, BoardState, JobBoard, JobEvent, JobTimeline } from "signalman";
import { jobBoardViewer } from "signalman";
import { type PluginUnderTest, testPlugin } from "signalman/testing";
import plugin from "../index.ts";

/** A board whose jobs and logs the test sets. */
export interface DummyBoard extends JobBoard {
  state: BoardState;
  /** Adds events to the log of a job, which then exists. */
  add(jobId: string, ...events: readonly JobEvent[]): void;
  /** What was done: `stop <id>`. */
  readonly done: string[];
  /** Number of open logs. */
  readonly open: number;
  readonly reads: number;
}

export function createBoard({
  kind = "hub",
  timeline,
}: { kind?: "hub" | "agent"; timeline?: JobTimeline } = {}): DummyBoard {
  const logs = new Map<string, string[]>();
  const done: string[] = [];
  const note = (what: string) => async (id: string) => done.push(`${what} ${id}`) > 0;
  const actions: BoardActions = {
    stop: note("stop"),
    shutDown: note("shut down"),
    submit: async (text) => `id-${done.push(`submit ${text}`)}`,
    retry: async (id) => (id === "old" ? undefined : `id-${done.push(`retry ${id}`)}`),
  };
  const counts = { open: 0, reads: 0 };
  return {
    kind,
    state: { agents: [], jobs: [] },
    done,
    get open() {
      return counts.open;
    },
    get reads() {
      return counts.reads;
    },
    add(jobId, ...events) {
      logs.set(jobId, [...(logs.get(jobId) ?? []), ...events.map((event) => `${JSON.stringify(event)}\n`)]);
    },
    read() {
      counts.reads += 1;
      return this.state;
    },
    openLog(jobId) {
      if (!logs.has(jobId)) return undefined;
      counts.open += 1;
      return {
        peek(start) {
          // Few events, so that a reader needs more than one piece.
          const events = (logs.get(jobId) ?? []).slice(start.event, start.event + 3);
          const lines = new TextEncoder().encode(events.join(""));
          const end = { event: start.event + events.length, offset: start.offset + lines.length };
          return events.length === 0 ? undefined : { start, end, lines };
        },
        [Symbol.dispose]: () => void (counts.open -= 1),
      };
    },
    ...(kind === "hub" && { actions }),
    ...(timeline && { openTimeline: () => ({ read: () => timeline }) }),
  };
}

export function job(fields: Partial<BoardJob> = {}): BoardJob {
  return { id: "a-job", name: "a job", state: "running", log: { bytes: 0 }, ...fields };
}

export function output(text: string, timestamp = 7): JobEvent {
  return { event: "cmd_output", timestamp, output: text };
}

export function command(directive: string, exitCode: number, ...texts: readonly string[]): JobEvent[] {
  const times = { started_at: 7, finished_at: 9 };
  return [
    { event: "cmd_started", timestamp: 7, directive },
    ...texts.map((text) => output(text)),
    { event: "cmd_finished", timestamp: 9, directive, exit_code: exitCode, ...times },
  ];
}

export interface PageUnderTest extends AsyncDisposable {
  readonly t: PluginUnderTest;
  readonly url: string;
  readonly board: DummyBoard;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: string, headers?: Record<string, string>): Promise<Response>;
}

/** Opens the page of a board. */
export async function openPage(config: object = {}, board = createBoard()): Promise<PageUnderTest> {
  const t = await testPlugin(plugin, { roles: ["agent"], config: { listen: "127.0.0.1:0", ...config } });
  const url = await t.use(jobBoardViewer, "page").open(board);
  const call = (path: string, init: RequestInit) => fetch(`${url}${path}`, init);
  return {
    t,
    url,
    board,
    get: (path, headers = {}) => call(path, { headers }),
    post: (path, body = "", headers = {}) => call(path, { method: "POST", body, headers }),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}
