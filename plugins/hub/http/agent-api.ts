import { toMessage } from "signalman";
import type { Exchange } from "signalman/http";
import type { Changes } from "../changes.ts";
import type { Faults } from "../faults.ts";
import { disconnect, fetchJob, findAgent, refresh } from "../model/agent-calls.ts";
import { type Answer, notFound } from "../model/answer.ts";
import type { FetchSigned } from "../model/names.ts";
import { countJobs } from "../model/occupancy.ts";
import type { RateBucket } from "../model/rate-bucket.ts";
import { parseJson, parseSync } from "../model/registration-body.ts";
import { register } from "../model/registration.ts";
import type { AgentRow, HubState } from "../model/state.ts";
import { sync } from "../model/sync.ts";
import type { AgentWatch } from "../watch/agent-watch.ts";
import type { LogWatch } from "../watch/log-watch.ts";
import type { Calls } from "./calls.ts";
import { answerWith } from "./inject-fault.ts";

/** The dependencies of the agent API. */
export interface AgentApi {
  readonly state: HubState;
  readonly faults: Faults;
  readonly changes: Changes;
  readonly calls: Calls;
  readonly agentWatch: AgentWatch;
  readonly logWatch: LogWatch;
  readonly bucket: RateBucket;
  readonly fetchSigned: FetchSigned;
  /** Returns the hub's own URL, which submitted jobs contain. */
  readonly origin: () => string;
}

/** A parsed call of an agent. */
interface AgentCall {
  readonly endpoint: string;
  readonly row: AgentRow | undefined;
  readonly token: string;
  readonly jobId: string;
  readonly text: string;
}

const base = "/api/v1/self_hosted_agents";

export function isAgentPath(path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}

/** Handles a call to the agent API (protocol section 1). */
export async function handleAgentCall(exchange: Exchange, api: AgentApi): Promise<void> {
  const { state, faults, calls, agentWatch } = api;
  const at = state.now();
  const name = findEndpoint(exchange);
  if (typeof name !== "string") return void (await exchange.send(name.status, name.text ?? ""));
  const body = await exchange.body();
  if (body === undefined) return void (await exchange.send(413, "Payload Too Large"));

  const text = new TextDecoder().decode(body);
  const parsed = name === "register" || name === "sync" ? parseJson(text) : undefined;
  const syncState = name === "sync" ? (parseSync(parsed)?.state ?? "") : "";
  const endpoint = syncState === "" ? name : `${name}/${syncState}`;
  const token = toToken(exchange.header("authorization"));
  const row = token === undefined ? undefined : findAgent(state, token);
  const jobId = name === "fetch" ? exchange.path.slice(`${base}/jobs/`.length) : "";
  const agentCall: AgentCall = { endpoint: name, row, token: token ?? "", jobId, text };

  const fault = faults.hit(endpoint);
  // The agent's interval begins when it receives the answer, which is never before this time.
  let answeredAt = at;
  const process = async (): Promise<Answer> => {
    if (token === undefined) return { status: 401, text: "Unauthorized" };
    const answer = await commit(api, await dispatch(agentCall, exchange, api));
    answeredAt = state.now();
    return answer;
  };
  const outcome = await answerWith(exchange, process, fault, api);
  if (fault !== undefined && !outcome.isProcessed) agentWatch.faultInjected();
  watchOutcome(agentCall, { ...outcome, answeredAt }, agentWatch);
  calls.add({
    at,
    endpoint,
    agent: row?.name,
    jobId: jobId || undefined,
    body: parsed,
    bytes: body.length,
    status: outcome.answer?.status,
    action: (outcome.answer?.json as { readonly action?: string } | undefined)?.action,
    fault: fault?.kind,
    isDelivered: outcome.isDelivered,
  });
  api.changes.notify();
}

/**
 * Stores all changes before they are acknowledged. Returns the answer, or a status of 500 when storing fails.
 */
export async function commit(
  { state, changes }: Pick<AgentApi, "state" | "changes">,
  answer: Answer,
): Promise<Answer> {
  try {
    await state.store.commit();
  } catch (error) {
    return { status: 500, text: `state could not be stored: ${toMessage(error)}` };
  }
  changes.notify();
  return answer;
}

function findEndpoint({ method, path }: Exchange): string | Answer {
  const rest = path.slice(base.length + 1);
  const [name, verb] = rest.startsWith("jobs/")
    ? ["fetch", "GET"]
    : [rest, ["register", "sync", "refresh", "disconnect"].includes(rest) ? "POST" : "GET"];
  if (rest === "") return { status: 200, text: "OK" };
  if (verb === "GET" && !["fetch", "jobs", "metrics", "occupancy"].includes(name)) return notFound;
  return method === verb ? name : { status: 405, text: "Method Not Allowed" };
}

/** Parses `Token <token>` as the server does: the header must split into exactly two parts. */
function toToken(header: string): string | undefined {
  const parts = header.split("Token ");
  return parts.length === 2 ? parts[1] : undefined;
}

async function dispatch(agentCall: AgentCall, exchange: Exchange, api: AgentApi): Promise<Answer> {
  const { state, agentWatch, logWatch } = api;
  const { endpoint, row, token, jobId, text } = agentCall;
  switch (endpoint) {
    case "register":
      agentWatch.register(text);
      return register(state, token, text, api);
    case "sync":
      if (row !== undefined) {
        agentWatch.sync(row, text);
        watchFinished(row, text, state, logWatch);
      }
      return sync(state, row, text);
    case "fetch":
      if (row !== undefined) agentWatch.fetch(row, jobId);
      return fetchJob(state, row, jobId, {
        submittedAt: api.origin(),
        calledAt: `http://${exchange.header("host")}`,
      });
    case "refresh":
      return refresh(state, row);
    case "disconnect": {
      const limited = api.bucket.take();
      if (limited !== undefined) return limited;
      if (row !== undefined) agentWatch.disconnect(row);
      return disconnect(state, row);
    }
    case "metrics":
    case "occupancy":
    case "jobs":
      return countJobs(state, token, endpoint);
    default:
      return notFound;
  }
}

/** Reports a finished job to the log watch before its log is archived. */
function watchFinished(row: AgentRow, text: string, state: HubState, logWatch: LogWatch): void {
  const sent = parseSync(parseJson(text));
  const job = state.jobs.get(sent?.job_id ?? "");
  if (sent?.state !== "finished-job" || job?.agentId !== row.id || job.tornDownAt !== undefined) return;
  logWatch.finished(job.id, row.name);
}

function watchOutcome(
  { endpoint, row, jobId }: AgentCall,
  outcome: {
    readonly answer: Answer | undefined;
    readonly isDelivered: boolean;
    readonly answeredAt: number;
  },
  watch: AgentWatch,
): void {
  const { answer, isDelivered, answeredAt: at } = outcome;
  if (row === undefined || answer?.status !== 200) return;
  if (endpoint === "fetch") watch.fetched(jobId, isDelivered);
  if (endpoint !== "sync") return;
  const { next_sync_after: nextSyncAfterMs } = answer.json as { readonly next_sync_after: number };
  watch.synced(row, { nextSyncAfterMs, isDelivered, at });
}
