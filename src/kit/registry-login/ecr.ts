import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, toMessage } from "../../core/errors.ts";
import { boundedFetch, parseBoundedJson, readBody } from "../../os/network/response-body.ts";
import type { AwsKeys, PullCredentials, RegistryLogin } from "./decode.ts";
import type { AwsContext } from "./instance-role.ts";

type EcrCredentials = Extract<PullCredentials, { kind: "AWS_ECR" }>;

/** A login of Amazon's registry, and the equivalent command line. */
export interface EcrLogin {
  readonly login: RegistryLogin;
  readonly commandLine: string;
}

/**
 * Gets a password for Amazon's registry (protocol section 6.3). It is the same for all registries that the
 * keys may use. `AWS_ENDPOINT_URL_ECR` of the agent's environment replaces the address of the service, as in
 * Amazon's own programs.
 */
export async function getEcrLogin(credentials: EcrCredentials, options: AwsContext): Promise<EcrLogin> {
  const { region, account } = credentials;
  const keys = credentials.keys ?? (await (await import("./instance-role.ts")).readInstanceKeys(options));
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const endpoint = options.environment["AWS_ENDPOINT_URL_ECR"] || `https://api.ecr.${region}.${domain}`;
  const { password, registry } = await requestToken(endpoint, { keys, region, signal: options.signal });
  const server = account === undefined ? registry : `${account}.dkr.ecr.${region}.${domain}`;
  const shown = server.replace(`.${region}.`, ".$AWS_REGION.");
  return {
    login: { server, username: "AWS", password },
    commandLine: `aws ecr get-login-password --region $AWS_REGION | docker login --username AWS --password-stdin ${shown}`,
  };
}

interface Token {
  readonly password: string;
  /** Host of the registry of the keys' account. */
  readonly registry: string;
}

interface TokenRequest {
  readonly keys: AwsKeys;
  readonly region: string;
  readonly signal: AbortSignal;
}

const attempts = 3;
const attemptMs = 30_000;
const pauseMs = 500;
const maxBytes = 64 * 1024;

async function requestToken(endpoint: string, request: TokenRequest): Promise<Token> {
  for (let attempt = 1; ; attempt += 1) {
    request.signal.throwIfAborted();
    try {
      const { status, text } = await send(endpoint, request);
      if (status === 200) return readToken(text);
      const reason = `HTTP ${status}${toComplaint(text)}`;
      const isTemporary = status === 429 || status >= 500 || /throttl/i.test(reason);
      if (attempt === attempts || !isTemporary) throw failure(endpoint, reason);
    } catch (error) {
      if (error instanceof AgentError) throw error;
      if (attempt === attempts || request.signal.aborted) throw failure(endpoint, toMessage(error), error);
    }
    await sleep(pauseMs * attempt, undefined, { signal: request.signal });
  }
}

async function send(
  endpoint: string,
  { keys, region, signal }: TokenRequest,
): Promise<{ readonly status: number; readonly text: string }> {
  const { AwsV4Signer } = await import("aws4fetch");
  const signer = new AwsV4Signer({
    url: endpoint,
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    },
    body: "{}",
    service: "ecr",
    region,
    ...keys,
  });
  const { url, method, headers, body } = await signer.sign();
  const response = await fetch(url, {
    ...boundedFetch,
    method,
    headers: { ...boundedFetch.headers, ...Object.fromEntries(headers) },
    body: body ?? null,
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]),
  });
  const { text, fault } = await readBody(response, maxBytes);
  if (fault !== undefined) throw new Error(`the answer was not read: ${fault}`);
  return { status: response.status, text };
}

function readToken(text: string): Token {
  const answer = toObject(text) as {
    authorizationData?: readonly { authorizationToken?: unknown; proxyEndpoint?: unknown }[];
  };
  const { authorizationToken, proxyEndpoint } = answer.authorizationData?.[0] ?? {};
  const [, password] = /^AWS:(.+)$/s.exec(Buffer.from(String(authorizationToken), "base64").toString()) ?? [];
  const registry = URL.canParse(String(proxyEndpoint)) ? new URL(String(proxyEndpoint)).host : "";
  if (password === undefined || registry === "")
    throw new AgentError("PROGRAM_FAILED", "ECR answered without an authorization token");
  return { password, registry };
}

/** The first line only: the ones after it repeat the request, with its session token. */
function toComplaint(text: string): string {
  const { __type: type, message, Message = message } = toObject(text) as Record<string, unknown>;
  const reason = [type, Message].filter((each) => typeof each === "string").join(": ");
  return reason === "" ? "" : ` (${reason.split("\n")[0]!.slice(0, 300)})`;
}

function toObject(text: string): object {
  try {
    return Object(parseBoundedJson(text)) as object;
  } catch {
    return {};
  }
}

function failure(endpoint: string, reason: string, cause?: unknown): AgentError {
  return new AgentError("PROGRAM_FAILED", `cannot get a password from ECR at "${endpoint}": ${reason}`, {
    cause,
  });
}
