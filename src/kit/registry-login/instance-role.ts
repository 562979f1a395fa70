import { request } from "node:http";
import { AgentError, toMessage } from "../../core/errors.ts";
import { parseBoundedJson } from "../../os/network/response-body.ts";
import { createTextStart } from "../../core/text/text-start.ts";
import type { AwsKeys } from "./decode.ts";

export interface AwsContext {
  /** The agent's environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Reads the keys of the role of the EC2 instance on which the agent runs, from the second version of its
 * metadata service. The variables `AWS_EC2_METADATA_SERVICE_ENDPOINT` and `AWS_EC2_METADATA_DISABLED` of the
 * agent's environment apply, as in Amazon's own programs.
 */
export async function readInstanceKeys({ environment, signal }: AwsContext): Promise<AwsKeys> {
  const endpoint = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] || "http://169.254.169.254";
  try {
    if (environment["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true")
      throw new Error("AWS_EC2_METADATA_DISABLED is set in the agent's environment");
    const token = await ask(new URL("/latest/api/token", endpoint), signal, {
      method: "PUT",
      headers: { "X-aws-ec2-metadata-token-ttl-seconds": "300" },
    });
    const options = { method: "GET", headers: { "X-aws-ec2-metadata-token": token } };
    const roles = new URL("/latest/meta-data/iam/security-credentials/", endpoint);
    const [role = ""] = (await ask(roles, signal, options)).split("\n");
    return toKeys(await ask(new URL(encodeURIComponent(role.trim()), roles), signal, options));
  } catch (cause) {
    signal.throwIfAborted();
    throw new AgentError(
      "PROGRAM_FAILED",
      `AWS_ACCESS_KEY_ID is not set, and reading the keys of the instance's role from "${endpoint}" failed: ${toMessage(cause)}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the agent's instance a role`,
      { cause },
    );
  }
}

function toKeys(text: string): AwsKeys {
  const { AccessKeyId, SecretAccessKey, Token } = Object(parseBoundedJson(text)) as Record<string, unknown>;
  if (![AccessKeyId, SecretAccessKey, Token].every((each) => typeof each === "string" && each !== ""))
    throw new Error("the answer contains no keys");
  return {
    accessKeyId: AccessKeyId as string,
    secretAccessKey: SecretAccessKey as string,
    sessionToken: Token as string,
  };
}

/** Short, because the service is link-local and answers at once or never. */
const answerMs = 5000;
const maxBytes = 16 * 1024;

/** Not with `fetch`, which would send the keys through the agent's proxy. */
function ask(
  url: URL,
  signal: AbortSignal,
  options: { readonly method: string; readonly headers: Readonly<Record<string, string>> },
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = request(url, {
    ...options,
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
  });
  call.on("error", reject);
  call.on("response", (response) => {
    const start = createTextStart(maxBytes);
    response.on("error", reject);
    response.on("data", (part: Uint8Array) => {
      start.add(part);
      if (start.isCut) call.destroy(new Error("the answer is too long"));
    });
    response.on("end", () => {
      if (response.statusCode === 200) resolve(start.text);
      else reject(new Error(`HTTP ${response.statusCode} for ${url.pathname}`));
    });
  });
  call.end();
  return promise;
}
