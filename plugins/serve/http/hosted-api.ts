import { AgentError, isAgentError, type JobRequest, type Logger, toJobRequest, toMessage } from "signalman";
import type { Exchange, Handler } from "signalman/http";
import { createAuthorize } from "../authorization.ts";
import { type AgentLog, readAgentLog } from "./agent-log.ts";
import { json, sendMessage } from "./answers.ts";
import type { HostedAgent } from "./hosted-agent.ts";
import { sendJobLog } from "./job-log.ts";

export interface HostedApiOptions {
  readonly agent: HostedAgent;
  readonly version: string;
  readonly secret: string;
  readonly agentLog: AgentLog;
  readonly logger: Logger;
}

interface Route {
  readonly method: "GET" | "POST";
  readonly path: RegExp;
  readonly isPublic?: boolean;
  readonly handle: Handler;
}

/** The HTTPS API of hosted mode (protocol section 8.3). */
export function createHostedApi(options: HostedApiOptions): Handler {
  const { logger, secret } = options;
  const routes = createRoutes(options);
  const authorize = createAuthorize(secret);

  const answer: Handler = async (exchange) => {
    const { method, path } = exchange;
    const found = routes.filter((route) => route.path.test(path));
    if (found.length === 0) return redirect(exchange, routes);
    const route = found.find((each) => each.method === method);
    if (route === undefined) return exchange.send(405, "");
    const refusal = route.isPublic ? undefined : await authorize(exchange.header("authorization"));
    if (refusal !== undefined) return exchange.send(401, `${JSON.stringify(refusal)}\n`, json);
    return route.handle(exchange);
  };

  return async (exchange) => {
    try {
      await answer(exchange);
    } catch (error) {
      logger.debug(`${exchange.method} ${exchange.path.slice(0, 100)} failed: ${toMessage(error)}`);
      exchange.drop();
    }
  };
}

function createRoutes({ agent, version, agentLog, logger }: HostedApiOptions): readonly Route[] {
  const bodies = createTurns();
  const stop: Handler = (exchange) => {
    agent.job?.stop();
    return exchange.send(200, "");
  };
  return [
    { method: "GET", path: /^\/is_alive$/, isPublic: true, handle: (exchange) => exchange.send(200, "yes") },
    {
      method: "GET",
      path: /^\/status$/,
      handle(exchange) {
        const state = agent.job === undefined ? "waiting-for-job" : "job-received";
        return exchange.send(200, JSON.stringify({ state, version }), json);
      },
    },
    {
      method: "POST",
      path: /^\/jobs$/,
      async handle(exchange) {
        // One body in memory at a time.
        const [status, message] = await bodies.take(() => submit(exchange, agent, logger));
        return sendMessage(exchange, status, message);
      },
    },
    { method: "GET", path: /^\/jobs\/[^/]+\/log$/, handle: (exchange) => sendJobLog(exchange, agent) },
    { method: "POST", path: /^\/(stop|jobs\/terminate)$/, handle: stop },
    { method: "GET", path: /^\/agent_logs$/, handle: (exchange) => readAgentLog(exchange, agentLog) },
  ];
}

/** A path with a trailing slash is redirected to the bare path. */
function redirect(exchange: Exchange, routes: readonly Route[]): Promise<boolean> {
  const bare = exchange.path.replace(/\/$/, "");
  if (!routes.some(({ path }) => path.test(bare))) return exchange.send(404, "404 page not found\n");
  const query = exchange.query.toString();
  return exchange.send(301, "", { Location: query === "" ? bare : `${bare}?${query}` });
}

/** Runs a job once, however often it is submitted. Resolves to status and message of the answer. */
async function submit(
  exchange: Exchange,
  agent: HostedAgent,
  logger: Logger,
): Promise<readonly [status: number, message: string]> {
  const body = await exchange.body();
  if (body === undefined) return [413, "the job request is larger than --body-limit"];
  let request: JobRequest;
  try {
    request = parse(body);
  } catch (error) {
    return [422, toMessage(error)];
  }
  try {
    const outcome = await agent.submit(request);
    logger.info(`job ${request.id} ${outcomes[outcome]}`);
    return [outcome === "other" ? 422 : 200, words[outcome]];
  } catch (error) {
    const status = isAgentError(error, "JOB_INVALID") ? 422 : isAgentError(error, "SERVE_PAUSED") ? 503 : 500;
    if (status === 500) logger.error(`job ${request.id} could not be started: ${toMessage(error)}`);
    else logger.warn(`job ${request.id} was refused: ${toMessage(error)}`);
    return [status, toMessage(error)];
  }
}

const outcomes = {
  started: "was accepted",
  same: "was submitted again: it is already running",
  other: "was refused: another job is already running",
} as const;

const words = {
  started: "ok",
  same: "job is already running",
  other: "another job is already running",
} as const;

function parse(body: Buffer): JobRequest {
  const value = parseJson(body);
  const { request } = toJobRequest(value);
  const written = value as { job_id?: unknown; id?: unknown; logger?: { method?: unknown } };
  // A job without an id could never be asked for again.
  if (!written.job_id && !written.id) throw new AgentError("JOB_INVALID", 'the job request has no "job_id"');
  return { ...request, logger: { ...request.logger, method: request.logger.method || "pull" } };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new AgentError("JOB_INVALID", "the job request is not valid JSON", { cause });
  }
}

/** Runs one task at a time, in the order in which they came. */
interface Turns {
  take<T>(task: () => Promise<T>): Promise<T>;
}

function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(task) {
      const turn = last.then(task);
      last = turn.catch(() => {});
      return turn;
    },
  };
}
