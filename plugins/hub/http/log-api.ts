import type { Exchange } from "signalman/http";
import { ingest, type Push } from "../model/log-ingest.ts";
import type { Answer } from "../model/answer.ts";
import type { HubState } from "../model/state.ts";
import { isLogToken } from "../model/token.ts";
import { type AgentApi, commit } from "./agent-api.ts";
import { answerWith } from "./inject-fault.ts";

const base = "/api/v1/logs/";

export function isLogPath(path: string): boolean {
  return path.startsWith(base);
}

/** Time limit for receiving the body (protocol section 4). */
const bodyDeadlineMs = 5000;

/** Handles a push of log events (protocol section 4). */
export async function handlePush(exchange: Exchange, api: AgentApi): Promise<void> {
  const { state, faults, calls, logWatch } = api;
  const at = state.now();
  const jobId = exchange.path.slice(base.length);
  if (exchange.method !== "POST") return void (await exchange.send(405, "Method Not Allowed"));
  const isKnown = state.jobs.has(jobId);
  const flight = isKnown ? logWatch.begin(jobId) : undefined;
  let isAnswered = false;
  try {
    const timer = setTimeout(exchange.drop, bodyDeadlineMs);
    const body = await exchange.body().finally(() => clearTimeout(timer));
    if (body === undefined) return void (await exchange.send(413, "Payload Too Large"));
    const startFrom = exchange.query.get("start_from");
    const fault = faults.hit("log");
    const process = async (): Promise<Answer> => {
      const token = await checkToken(exchange, jobId, state);
      return ingestPush({ jobId, token, startFrom, body }, api);
    };
    const outcome = await answerWith(exchange, process, fault, api);
    isAnswered = outcome.isDelivered;
    if (isKnown && (!outcome.isProcessed || !outcome.isDelivered)) logWatch.faultInjected(jobId);
    calls.add({
      at,
      endpoint: "log",
      agent: state.jobs.get(jobId)?.agentName,
      jobId,
      startFrom: startFrom === null ? undefined : Number(startFrom),
      bytes: body.length,
      status: outcome.answer?.status,
      fault: fault?.kind,
      isDelivered: outcome.isDelivered,
    });
  } finally {
    flight?.end({ isAnswered, isSocketClosed: () => exchange.isDisconnected });
  }
  api.changes.notify();
}

async function ingestPush(push: Push, api: AgentApi): Promise<Answer> {
  const { state, logWatch } = api;
  const isAuthorized = push.token === "valid";
  if (isAuthorized) logWatch.push(push);
  const answer = ingest(state, push);
  if (isAuthorized) logWatch.pushed(push, answer.status);
  return commit(api, answer);
}

async function checkToken(exchange: Exchange, jobId: string, state: HubState): Promise<Push["token"]> {
  const token = toToken(exchange);
  if (token === undefined) return "missing";
  const options = { secret: state.secret, now: state.now() };
  return (await isLogToken(token, { jobId, action: "PUSH" }, options)) ? "valid" : "bad";
}

/** Finds the token; the query parameter `jwt` takes precedence over the header. */
function toToken(exchange: Exchange): string | undefined {
  const inQuery = exchange.query.get("jwt");
  if (inQuery !== null && inQuery !== "") return inQuery;
  return /^Bearer (\S+)$/i.exec(exchange.header("authorization"))?.[1];
}
