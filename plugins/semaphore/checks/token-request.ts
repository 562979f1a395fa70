import { type Finding, version } from "signalman";
import { toUnreachable } from "./certificate.ts";

export interface TokenRequestOptions {
  /** `undefined` when no token is configured or it cannot be sent in a header. */
  readonly token: string | undefined;
  readonly ca: readonly string[] | undefined;
  readonly signal: AbortSignal;
  readonly proxy: { readonly shown: string } | undefined;
}

export interface ControlPlaneAnswer {
  readonly findings: readonly Finding[];
  /** Date of the answer, in Unix milliseconds like the times of the request and its answer. */
  readonly date: number | undefined;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/**
 * Requests the numbers of jobs and agents: the only request with the registration token that changes nothing (protocol
 * section 2.10).
 */
export async function requestWithToken(url: URL, options: TokenRequestOptions): Promise<ControlPlaneAnswer> {
  const { token, ca, signal, proxy } = options;
  const askedAt = Date.now();
  try {
    const response = await fetch(new URL("/api/v1/self_hosted_agents/metrics", url), {
      headers: {
        "User-Agent": `SemaphoreAgent/${version}`,
        ...(token !== undefined && { Authorization: `Token ${token}` }),
      },
      redirect: "manual",
      signal,
      ...(ca !== undefined && { tls: { ca: [...ca] } }),
    });
    const answeredAt = Date.now();
    await response.body?.cancel();
    const date = Date.parse(response.headers.get("date") ?? "");
    return {
      findings: [judge(response.status, url.host, token !== undefined)],
      date: Number.isNaN(date) ? undefined : date,
      askedAt,
      answeredAt,
    };
  } catch (thrown) {
    const error = signal.aborted ? new Error("no answer within the time-out") : (thrown as Error);
    const found = toUnreachable(url, error);
    const finding =
      proxy === undefined ? found : { ...found, title: `${found.title} through the proxy ${proxy.shown}` };
    return { findings: [finding as Finding], date: undefined, askedAt, answeredAt: Date.now() };
  }
}

function judge(status: number, host: string, hasToken: boolean): Finding {
  if (!hasToken)
    return { level: "ok", title: `"${host}" answers; without a token nothing more can be checked` };
  switch (status) {
    case 200:
      return { level: "ok", title: `"${host}" accepts the registration token` };
    case 401:
      return {
        level: "error",
        title: `"${host}" does not know the organization`,
        remedy: "check the endpoint: <organization>.semaphoreci.com",
      };
    case 404:
      return {
        level: "error",
        title: `"${host}" does not know the registration token, or does not allow this machine's address`,
        remedy:
          "copy the token from the settings of the agent type (a reset creates a new one), and check the organization's list of allowed addresses",
      };
    default:
      return {
        level: "warning",
        title: `"${host}" answers with status ${status}: the token could not be checked`,
        remedy: "try again later, or run `signalman start`",
      };
  }
}
