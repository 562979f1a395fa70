import type { Hub } from "../contract.ts";

/** The hub's response. */
export interface Answered {
  readonly status: number;
  readonly text: string;
  /** The parsed text; empty when it is not JSON. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** An agent that sends exactly the calls that a test asks for, valid or not. */
export interface ScriptedAgent {
  readonly name: string;
  sync(state: string, more?: Readonly<Record<string, unknown>>): Promise<Answered>;
  fetch(jobId: string): Promise<Answered>;
  refresh(): Promise<Answered>;
  disconnect(): Promise<Answered>;
  /** Waits for, fetches and starts the job. Returns the job's logger. */
  take(jobId: string): Promise<{ readonly url: string; readonly token: string }>;
}

export const registration = {
  name: "scripted-agent",
  version: "v2.4.0",
  pid: 4711,
  os: "Linux",
  arch: "x86_64",
  hostname: "host",
  single_job: false,
  idle_timeout: 0,
  interruption_grace_period: 0,
  job_id: "",
};

/** Sends one call to the agent API. */
export async function callHub(
  hub: Pick<Hub, "url">,
  path: string,
  { token, body, method = "POST" }: { token?: string; body?: unknown; method?: string } = {},
): Promise<Answered> {
  const response = await fetch(`${hub.url}/api/v1/self_hosted_agents${path}`, {
    method,
    headers: token === undefined ? {} : { Authorization: `Token ${token}` },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: toJson(text) };
}

export function registerAt(hub: Hub, more: Readonly<Record<string, unknown>> = {}): Promise<Answered> {
  return callHub(hub, "/register", { token: hub.token, body: { ...registration, ...more } });
}

/** Registers an agent. Throws when the hub rejects it. */
export async function createScriptedAgent(
  hub: Hub,
  more: Readonly<Record<string, unknown>> = {},
): Promise<ScriptedAgent> {
  const registered = await registerAt(hub, more);
  if (registered.status !== 201) throw new Error(`${registered.status} ${registered.text}`);
  const { name, token } = registered.json as { name: string; token: string };
  const agent: ScriptedAgent = {
    name,
    sync: (state, more = {}) =>
      callHub(hub, "/sync", {
        token,
        body: { state, job_id: "", job_result: "", interrupted_at: 0, ...more },
      }),
    fetch: (jobId) => callHub(hub, `/jobs/${jobId}`, { token, method: "GET" }),
    refresh: () => callHub(hub, "/refresh", { token }),
    disconnect: () => callHub(hub, "/disconnect", { token }),
    async take(jobId) {
      const answer = await agent.sync("waiting-for-jobs");
      if (answer.json["job_id"] !== jobId) throw new Error(`expected the job "${jobId}", got ${answer.text}`);
      const fetched = await agent.fetch(jobId);
      await agent.sync("starting-job", { job_id: jobId });
      return fetched.json["logger"] as { url: string; token: string };
    },
  };
  return agent;
}

/** Pushes lines of a log, or any other body. */
export async function push(
  logger: { readonly url: string; readonly token: string },
  startFrom: number | string,
  lines: readonly string[] | string,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${logger.url}?start_from=${startFrom}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${logger.token}` },
    body: typeof lines === "string" ? lines : lines.map((line) => `${line}\n`).join(""),
  });
  return { status: response.status, text: await response.text() };
}

/** Returns the lines of a complete, valid log. */
export function validLog(...outputs: readonly string[]): string[] {
  const timestamp = 1_700_000_000;
  const directive = "make";
  return [
    { event: "job_started", timestamp },
    { event: "cmd_started", timestamp, directive },
    ...outputs.map((output) => ({ event: "cmd_output", timestamp, output })),
    {
      event: "cmd_finished",
      timestamp,
      directive,
      exit_code: 0,
      started_at: timestamp,
      finished_at: timestamp,
    },
    { event: "job_finished", timestamp, result: "passed" },
  ].map((event) => JSON.stringify(event));
}

function toJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
