import { type BoardJob, isAgentError, type JobBoard, toMessage } from "signalman";
import type { Exchange } from "signalman/http";
import { sendError, sendJson } from "./answers.ts";
import { createFeed, type Feed, toServerEvent } from "./feed.ts";
import { safeHeaders } from "./headers.ts";
import { createJobFeeds } from "./job-feeds.ts";
import type { LogIndex } from "./log/log-index.ts";
import { type OpenLogs, TooManyLogs, type UsedLog } from "./log/open-logs.ts";
import { readPlain, readWhole } from "./log/download.ts";
import { searchLog } from "./log/search.ts";
import { toOverview } from "./overview.ts";
import { toTimeline } from "./timeline.ts";
import type { Access } from "./access.ts";

export interface ApiCall {
  readonly isWrite: boolean;
  run(exchange: Exchange, signal: AbortSignal): Promise<unknown>;
}

export interface Api {
  /** What does not change. */
  readonly facts: Readonly<Record<string, unknown>>;
  find(method: string, path: string): ApiCall | undefined;
}

export interface ApiOptions {
  readonly board: JobBoard;
  readonly logs: OpenLogs;
  readonly access: Pick<Access, "isClosed" | "isWritable">;
}

type Act = (call: { exchange: Exchange; signal: AbortSignal; id: string }) => Promise<unknown>;

/** Rows of one answer. */
const mostRows = 2000;
const firstRows = 200;
/** Searches read whole logs. */
const mostSearches = 4;

/** Creates the API of the page. `docs/page.md` describes it. */
export function createApi({ board, logs, access }: ApiOptions): Api {
  const { actions } = board;
  const findJob = (id: string): BoardJob | undefined => board.read().jobs.find((job) => job.id === id);
  const overview = createFeed({ read: () => toServerEvent(toOverview(board.read())), everyMs: 1000 });
  const feeds = createJobFeeds({ logs, findJob });
  const reads: Record<string, Act> = {
    overview: ({ exchange }) => sendJson(exchange, 200, toOverview(board.read())),
    events: ({ exchange, signal }) => sendFeed(exchange, overview, signal),
    "jobs/*": ({ exchange, id }) =>
      withLog(exchange, logs, id, ({ index }) => sendJob(exchange, findJob(id), index)),
    "jobs/*/events": ({ exchange, signal, id }) => sendFeed(exchange, feeds.of(id), signal),
    "jobs/*/rows": ({ exchange, id }) =>
      withLog(exchange, logs, id, ({ index }) => {
        const [from, count] = [toCount(exchange, "from"), toCount(exchange, "count")];
        return sendJson(exchange, 200, { from, rows: index.rows(from, Math.min(count, mostRows)) });
      }),
    "jobs/*/timeline": ({ exchange, id }) =>
      withLog(exchange, logs, id, async ({ timeline }) =>
        timeline
          ? sendJson(exchange, 200, toTimeline(timeline.read()))
          : sendError(exchange, 404, "the use of jobs over time is on the page of the agent"),
      ),
    "jobs/*/search": createSearch(logs),
    "jobs/*/raw": ({ exchange, id }) => sendFile(exchange, board, id, "ndjson"),
    "jobs/*/plain": ({ exchange, id }) => sendFile(exchange, board, id, "txt"),
  };
  const writes: Record<string, Act> = actions
    ? {
        "jobs/*/stop": async ({ exchange, id }) => sendDone(exchange, await actions.stop(id)),
        "jobs/*/retry": async ({ exchange, id }) => {
          const next = await actions.retry(id);
          if (next !== undefined) return sendJson(exchange, 201, { id: next });
          return sendError(exchange, 409, "the request of this job is not known any more: submit it again");
        },
        jobs: ({ exchange }) => submit(exchange, actions.submit),
        "agents/*/shutdown": async ({ exchange, id }) => sendDone(exchange, await actions.shutDown(id)),
      }
    : {};
  return {
    facts: {
      kind: board.kind,
      canAct: actions !== undefined && access.isWritable,
      isClosed: access.isClosed,
      hasTimelines: board.openTimeline !== undefined,
    },
    find(method, path) {
      const routes = method === "GET" ? reads : method === "POST" ? writes : {};
      for (const [pattern, act] of Object.entries(routes)) {
        const id = match(pattern, path.slice("/api/".length));
        if (id === undefined) continue;
        return { isWrite: method === "POST", run: (exchange, signal) => act({ exchange, signal, id }) };
      }
      return undefined;
    },
  };
}

function match(pattern: string, path: string): string | undefined {
  const [before = "", after] = pattern.split("*");
  if (after === undefined) return pattern === path ? "" : undefined;
  if (!path.startsWith(before) || !path.endsWith(after)) return undefined;
  const id = path.slice(before.length, path.length - after.length);
  if (id === "" || id.includes("/")) return undefined;
  try {
    return decodeURIComponent(id);
  } catch {
    return undefined;
  }
}

async function withLog(
  exchange: Exchange,
  logs: OpenLogs,
  id: string,
  act: (used: UsedLog) => Promise<unknown>,
): Promise<unknown> {
  try {
    using used = await logs.use(id);
    if (used) return await act(used);
  } catch (error) {
    if (error instanceof TooManyLogs) return sendError(exchange, 503, "too many logs are read at present");
    throw error;
  }
  return sendError(exchange, 404, `no log of job "${id.slice(0, 100)}" here`);
}

function sendJob(exchange: Exchange, job: BoardJob | undefined, index: LogIndex): Promise<unknown> {
  const { total, outline } = index;
  const from = Math.max(0, total - firstRows);
  const { commands, count, result, startedAt, finishedAt } = outline;
  const log = {
    total,
    count,
    commands,
    result,
    startedAt,
    finishedAt,
    from,
    rows: index.rows(from, firstRows),
  };
  return sendJson(exchange, 200, { job, ...log });
}

function createSearch(logs: OpenLogs): Act {
  let searches = 0;
  return async ({ exchange, signal, id }) => {
    const text = (exchange.query.get("q") ?? "").slice(0, 500);
    if (text === "") return sendError(exchange, 400, 'expected the text to search for as "q"');
    if (searches >= mostSearches) return sendError(exchange, 503, "too many searches at present");
    searches += 1;
    try {
      return await withLog(exchange, logs, id, async ({ index }) =>
        sendJson(exchange, 200, await searchLog(index, text, signal)),
      );
    } finally {
      searches -= 1;
    }
  };
}

function sendFeed(exchange: Exchange, feed: Feed, signal: AbortSignal): Promise<unknown> {
  return exchange.stream(200, feed.follow(signal), { ...safeHeaders, "Content-Type": "text/event-stream" });
}

async function sendFile(
  exchange: Exchange,
  board: JobBoard,
  id: string,
  kind: "ndjson" | "txt",
): Promise<unknown> {
  using log = board.openLog(id);
  if (!log) return sendError(exchange, 404, `no log of job "${id.slice(0, 100)}" here`);
  return await exchange.stream(200, kind === "txt" ? readPlain(log) : readWhole(log), {
    ...safeHeaders,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Disposition": `attachment; filename="${id.replaceAll(/[^\w-]/g, "_")}.${kind}"`,
  });
}

async function submit(exchange: Exchange, queue: (text: string) => Promise<string>): Promise<unknown> {
  const body = await exchange.body();
  if (!body) return sendError(exchange, 413, "a job has at most 1 MiB");
  try {
    return await sendJson(exchange, 201, { id: await queue(body.toString()) });
  } catch (error) {
    if (isAgentError(error, "JOB_INVALID")) return sendError(exchange, 422, toMessage(error));
    throw error;
  }
}

function sendDone(exchange: Exchange, isDone: boolean): Promise<unknown> {
  return isDone
    ? sendJson(exchange, 200, {})
    : sendError(exchange, 409, "it has ended already, or is not known");
}

function toCount(exchange: Exchange, name: string): number {
  const value = Number(exchange.query.get(name) ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
