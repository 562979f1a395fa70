import { boundedFetch, parseBoundedJson, readBody } from "signalman";
import * as v from "valibot";
import type { StsOrigin } from "../settings.ts";

/** Fetches a URL that an agent has signed. */
export type FetchSigned = (
  url: string,
  init: { headers: Record<string, string>; signal: AbortSignal; decompress: boolean },
) => Promise<Response>;

/** An agent's name, or the reason why it is rejected. */
export type NameDecision = { readonly name: string } | { readonly refused: string };

/** Determines an agent's name (protocol section 2.2). */
export async function decideName(
  asked: string,
  origin: "agent" | StsOrigin,
  fetchSigned: FetchSigned,
): Promise<NameDecision> {
  return origin === "agent" ? decideOwnName(asked) : decideStsName(asked, origin, fetchSigned);
}

function decideOwnName(asked: string): NameDecision {
  if (/^[a-z][a-z0-9+.-]*:/i.test(asked)) return { refused: "not allowed to use URLs for registration" };
  if (!/^[a-zA-Z0-9\-_/+]+$/.test(asked)) return { refused: "name must match ^[a-zA-Z0-9-_/+]+$" };
  return asked.length <= 80 ? { name: asked } : { refused: "name must have at most 80 characters" };
}

const identity = v.object({
  GetCallerIdentityResponse: v.object({
    GetCallerIdentityResult: v.object({ Account: v.string(), Arn: v.string() }),
  }),
});

async function decideStsName(
  asked: string,
  origin: StsOrigin,
  fetchSigned: FetchSigned,
): Promise<NameDecision> {
  const url = URL.canParse(asked) ? new URL(asked) : undefined;
  if (url?.protocol !== "https:" || url.host !== "sts.amazonaws.com") {
    return { refused: "only pre-signed AWS STS URLs for name assignment are allowed" };
  }
  try {
    const headers = { ...boundedFetch.headers, Accept: "application/json" };
    const signal = AbortSignal.timeout(5000);
    const response = await fetchSigned(asked, { ...boundedFetch, headers, signal });
    if (!response.ok) return { refused: `AWS STS answered with ${response.status}` };
    const { Account, Arn } = v.parse(identity, await readJson(response)).GetCallerIdentityResponse
      .GetCallerIdentityResult;
    const [, role, session] = /^arn:aws:sts::.+:assumed-role\/(.+)\/(.+)$/.exec(Arn) ?? [];
    if (Account !== origin.accountId) return { refused: "the AWS account is not allowed" };
    if (role === undefined || session === undefined)
      return { refused: "the identity is not an assumed role" };
    return isAllowed(role, origin.roles) ? { name: session } : { refused: "the AWS role is not allowed" };
  } catch (error) {
    return {
      refused: `request to AWS STS failed: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

async function readJson(response: Response): Promise<unknown> {
  const { text, fault } = await readBody(response, mostAnswerBytes);
  if (fault !== undefined) throw new Error(`the answer cannot be read: ${fault}`);
  return parseBoundedJson(text);
}

const mostAnswerBytes = 64 * 1024;

function isAllowed(role: string, patterns: string): boolean {
  return patterns.split(",").some((pattern) => {
    const parts = pattern.trim().split("*");
    return new RegExp(`^${parts.map((part) => part.replaceAll(/[^\w]/g, String.raw`\$&`)).join(".*")}$`).test(
      role,
    );
  });
}
