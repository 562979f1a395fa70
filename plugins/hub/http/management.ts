import { AgentError, toMessage, isLoopbackName } from "signalman";
import type { Exchange } from "signalman/http";
import * as v from "valibot";
import type { Changes } from "../changes.ts";
import type { FaultRule } from "../faults.ts";
import type { Hub } from "../contract.ts";
import { toLines } from "../model/log-list.ts";
import { type HubState, logOf } from "../model/state.ts";
import { toEvent, toRaw } from "../log-text.ts";

/** The dependencies of the management API. */
export interface Management {
  readonly hub: Hub;
  readonly state: HubState;
  readonly changes: Changes;
}

type Handler = (call: {
  readonly management: Management;
  readonly exchange: Exchange;
  /** The part of the path that matches `*`. */
  readonly id: string;
}) => Promise<void>;

/**
 * Handles a call to the management API (jobs, agents, violations, faults), which is open to this machine
 * only.
 */
export async function handleManagement(exchange: Exchange, management: Management): Promise<void> {
  const { method, path } = exchange;
  if (path === "/" && method === "GET") return void (await exchange.send(200, "OK"));
  if (!path.startsWith("/hub/")) return sendError(exchange, 404, `path "${path}" not found`);
  if (!isTrusted(exchange)) {
    return sendError(exchange, 403, "the management API accepts programs on the hub's machine only");
  }
  for (const [pattern, handler] of routes) {
    const id = match(pattern, `${method} ${path}`);
    if (id === undefined) continue;
    try {
      return await handler({ management, exchange, id });
    } catch (error) {
      const isInvalid = error instanceof AgentError && ["JOB_INVALID", "USAGE_INVALID"].includes(error.code);
      return sendError(exchange, isInvalid ? 422 : 500, toMessage(error));
    }
  }
  return sendError(exchange, 404, `"${method} ${path}" not found`);
}

const routes: readonly (readonly [pattern: string, handler: Handler])[] = [
  ["GET /hub/jobs", ({ management: { hub }, exchange }) => sendJson(exchange, 200, hub.jobs)],
  [
    "POST /hub/jobs",
    async ({ management: { hub }, exchange }) => {
      const text = await readText(exchange);
      const { query } = exchange;
      const options = { name: query.get("name") ?? "job request", id: query.get("id") ?? undefined };
      const job = query.has("as-it-is") ? hub.submitRaw(text, options) : hub.submit(text, options);
      await sendJson(exchange, 201, await job);
    },
  ],
  [
    "GET /hub/jobs/*",
    (call) => withJob(call, (id) => sendJson(call.exchange, 200, call.management.hub.job(id))),
  ],
  ["GET /hub/jobs/*/log", (call) => withJob(call, (id) => sendLog(call.exchange, call.management, id))],
  [
    "POST /hub/jobs/*/stop",
    (call) =>
      withJob(call, async (id) => {
        await call.management.hub.stopJob(id);
        await sendJson(call.exchange, 200, call.management.hub.job(id));
      }),
  ],
  ["GET /hub/agents", ({ management: { hub }, exchange }) => sendJson(exchange, 200, hub.agents)],
  [
    "POST /hub/agents/*/shutdown",
    async ({ management: { hub }, exchange, id }) => {
      const isKnown = await hub.shutdownAgent(id);
      if (!isKnown) return sendError(exchange, 404, `agent "${id}" not found`);
      await sendJson(exchange, 200, { name: id });
    },
  ],
  [
    "GET /hub/violations",
    ({ management: { hub }, exchange }) => sendJson(exchange, 200, hub.violations.list),
  ],
  [
    "DELETE /hub/violations",
    async ({ management: { hub }, exchange }) => {
      hub.violations.clear();
      await sendJson(exchange, 200, []);
    },
  ],
  ["GET /hub/calls", ({ management: { hub }, exchange }) => sendJson(exchange, 200, hub.calls)],
  ["GET /hub/faults", ({ management: { hub }, exchange }) => sendJson(exchange, 200, hub.faults.list)],
  [
    "POST /hub/faults",
    async ({ management: { hub }, exchange }) => {
      const rule = parseRule(await readText(exchange));
      await sendJson(exchange, 201, hub.faults.add(rule));
    },
  ],
  [
    "DELETE /hub/faults",
    async ({ management: { hub }, exchange }) => {
      hub.faults.clear();
      await sendJson(exchange, 200, []);
    },
  ],
  [
    "DELETE /hub/faults/*",
    async ({ management: { hub }, exchange, id }) => {
      if (!hub.faults.remove(Number(id))) return sendError(exchange, 404, `fault "${id}" not found`);
      await sendJson(exchange, 200, hub.faults.list);
    },
  ],
];

/**
 * Rejects pages in a browser, also those that reach this address under another name: they must not submit
 * jobs.
 */
function isTrusted(exchange: Exchange): boolean {
  const isPage = exchange.header("origin") !== "" || exchange.header("sec-fetch-site") !== "";
  const name = exchange.header("host").replace(/:\d+$/, "");
  const isLocal = /^(::ffff:)?127\.|^::1$/.test(exchange.remoteAddress);
  return isLocal && !isPage && isLoopbackName(name);
}

function match(pattern: string, text: string): string | undefined {
  const [before = "", after] = pattern.split("*");
  if (after === undefined) return pattern === text ? "" : undefined;
  if (!text.startsWith(before) || !text.endsWith(after)) return undefined;
  const id = text.slice(before.length, text.length - after.length);
  return id === "" || id.includes("/") ? undefined : decodeURIComponent(id);
}

async function withJob(call: Parameters<Handler>[0], act: (id: string) => Promise<void>): Promise<void> {
  const { management, exchange, id } = call;
  if (management.hub.job(id) === undefined) return sendError(exchange, 404, `job "${id}" not found`);
  await act(id);
}

/**
 * Sends a log. Query: `from` (first event), `format` (`ndjson` or `text`), `follow` (until the job is done).
 */
async function sendLog(exchange: Exchange, management: Management, id: string): Promise<void> {
  const { query } = exchange;
  const isText = query.get("format") === "text";
  const closed = new AbortController();
  void exchange.closed.then(() => closed.abort());
  const pieces = followLog(management, id, {
    from: Number(query.get("from") ?? 0) || 0,
    isFollowing: query.has("follow"),
    signal: closed.signal,
  });
  const type = isText ? "text/plain; charset=utf-8" : "application/x-ndjson";
  await exchange.stream(200, isText ? toText(pieces) : pieces, { "Content-Type": type });
}

async function* followLog(
  { hub, state, changes }: Management,
  id: string,
  options: { readonly from: number; readonly isFollowing: boolean; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  for (let at = options.from; ;) {
    const { lines, count } = logOf(state, id).shown.read(at);
    at += count;
    if (count > 0) yield lines;
    else if (!options.isFollowing || hub.job(id)?.isDone !== false) return;
    else {
      const isNew = (): boolean => logOf(state, id).shown.length > at || hub.job(id)?.isDone !== false;
      await changes.until(isNew, options.signal).catch(() => {});
      if (options.signal.aborted) return;
    }
  }
}

async function* toText(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const lines of pieces) {
    yield toLines({ lines })
      .map((line) => {
        const event = toEvent(line);
        return event === undefined ? "" : toRaw(event);
      })
      .join("");
  }
}

function parseRule(text: string): FaultRule {
  const object = v.safeParse(v.pipe(v.string(), v.parseJson(), v.looseObject({})), text);
  if (!object.success) throw new AgentError("USAGE_INVALID", "invalid fault rule: expected a JSON object");
  return object.output as unknown as FaultRule;
}

async function readText(exchange: Exchange): Promise<string> {
  const body = await exchange.body();
  if (body === undefined) throw new AgentError("USAGE_INVALID", "the request is larger than 256 MiB");
  return new TextDecoder().decode(body);
}

async function sendJson(exchange: Exchange, status: number, value: unknown): Promise<void> {
  await exchange.send(status, JSON.stringify(value), { "Content-Type": "application/json" });
}

async function sendError(exchange: Exchange, status: number, message: string): Promise<void> {
  await sendJson(exchange, status, { error: message });
}
