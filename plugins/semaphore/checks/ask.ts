import { type Finding, version } from "signalman";
import { toUnreachable } from "./certificate.ts";

export interface AskOptions {
  /** `undefined`: there is none, or none that could be sent. */
  readonly token: string | undefined;
  readonly ca: readonly string[] | undefined;
  readonly signal: AbortSignal;
  readonly proxy: { readonly shown: string } | undefined;
}

export interface ControlPlaneAnswer {
  readonly findings: readonly Finding[];
  /** Milliseconds: what the answer was dated, when we asked, and when it had come. */
  readonly date: number | undefined;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/**
 * Asks how many jobs and agents there are: the one question that the registration token opens, and that changes nothing (protocol
 * section 2.10).
 */
export async function askControlPlane(url: URL, options: AskOptions): Promise<ControlPlaneAnswer> {
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
    const error = signal.aborted ? new Error("no answer came in time") : (thrown as Error);
    const found = toUnreachable(url, error);
    const finding =
      proxy === undefined ? found : { ...found, title: `${found.title} through the proxy ${proxy.shown}` };
    return { findings: [finding as Finding], date: undefined, askedAt, answeredAt: Date.now() };
  }
}

function judge(status: number, host: string, hasToken: boolean): Finding {
  if (!hasToken)
    return { level: "ok", title: `"${host}" answers; without a token nothing more can be asked` };
  switch (status) {
    case 200:
      return { level: "ok", title: `"${host}" answers, and knows the registration token` };
    case 401:
      return {
        level: "error",
        title: `"${host}" knows no such organization`,
        remedy: "check the endpoint: <organization>.semaphoreci.com",
      };
    case 404:
      return {
        level: "error",
        title: `"${host}" does not know the registration token, or does not allow this machine's address`,
        remedy:
          "take the token of the agent's type from its settings (a reset makes a new one), and look at the organization's list of allowed addresses",
      };
    default:
      return {
        level: "warning",
        title: `"${host}" answers with status ${status}, so that the token is not proved`,
        remedy: "try again later; `signalman start` is the proof that remains",
      };
  }
}
