import { type IncomingMessage, request as sendRequest } from "node:http";
import { request as sendSecureRequest } from "node:https";
import { AgentError, parseBoundedJson, type Program } from "signalman";
import { findStateDirectory, listAgentDirectories, readCore } from "signalman/host";
import type { CacheConfig } from "../config.ts";
import { toOperatorToken } from "../credentials.ts";
import { type Identity, readIdentity, toIdentityPath } from "../identity.ts";

export interface AskOptions {
  readonly method?: "GET" | "DELETE";
  /** Default: 2 s. */
  readonly timeoutMs?: number;
}

/** Asks the agent that serves a cache. Resolves to `undefined` for what it does not know. */
export async function askCache<T>(
  { secret, url }: Pick<Identity, "secret" | "url">,
  path: string,
  options: AskOptions = {},
): Promise<T | undefined> {
  const authorization = `Bearer ${toOperatorToken(secret)}`;
  return request<T>(`${url}${path}`, { ...options, headers: { authorization } });
}

export interface RequestOptions extends AskOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

/**
 * Sends a request to a cache. Resolves to `undefined` when the answer is 404. Not with `fetch`, which would send it
 * through the agent's proxy.
 */
export async function request<T>(
  url: string,
  { method = "GET", headers, timeoutMs = 2000, signal: ended }: RequestOptions,
): Promise<T | undefined> {
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = ended ? AbortSignal.any([limit, ended]) : limit;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.startsWith("https:") ? sendSecureRequest : sendRequest;
  send(url, { method, headers, signal, agent: false }, resolve).on("error", reject).end();
  const answer = await promise;
  const text = await readText(answer);
  if (answer.statusCode === 404) return undefined;
  if (answer.statusCode !== 200) throw new Error(`the answer has the status ${answer.statusCode}`);
  return parseBoundedJson(text, 8) as T;
}

async function readText(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > mostBytes) throw new Error(`the answer has more than ${mostBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/**
 * Asks the caches of all agents in the state directory that the program's options name, and the one that `cache serve`
 * serves from `cache-path`. Resolves to an answer of each
 * agent that runs. Throws `CACHE_UNREACHABLE` when none answers.
 */
export async function askCaches<T>(program: Program, path: string, method?: "GET" | "DELETE"): Promise<T[]> {
  const directory = findStateDirectory({ directory: readCore(program)["state-dir"], env: process.env });
  const { path: root } = program.config.of("cache") as CacheConfig;
  const places = [...listAgentDirectories(directory), ...(root === "" ? [] : [root])];
  const identities = places.flatMap((place) => readIdentity(toIdentityPath(place)) ?? []);
  if (identities.length === 0)
    throw new AgentError(
      "CACHE_UNREACHABLE",
      `no cache found in "${directory}": start an agent with cache-size, or call this as its user and with its --state-dir; for \`cache serve\` with its --cache-path`,
    );
  const answers = await Promise.allSettled(
    identities.map((each) => askCache<T>(each, path, { ...(method && { method }), timeoutMs: 600_000 })),
  );
  const found = answers.flatMap((each) => (each.status === "fulfilled" ? (each.value ?? []) : []));
  if (found.length > 0) return found;
  const cause: unknown = answers.find((each) => each.status === "rejected")?.reason;
  const where = identities.map(({ url }) => url).join(", ");
  throw new AgentError(
    "CACHE_UNREACHABLE",
    `the cache at ${where} does not answer: start its agent or service`,
    {
      cause,
    },
  );
}

/** 10,000 keys of 1,024 characters, which JSON may escape. */
const mostBytes = 64 * 1024 * 1024;
