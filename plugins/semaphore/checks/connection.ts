import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type CheckContext, type Finding, toMessage } from "signalman";
import type { SemaphoreConfig } from "../config.ts";
import { isHost, loadCertificates, loadToken, toOrigin } from "../settings.ts";
import { isToken } from "../wire.ts";
import { requestWithToken, type ControlPlaneAnswer } from "./token-request.ts";
import { checkCertificate } from "./certificate.ts";

/**
 * Checks that the control plane is reachable, has a trusted certificate and the same time, and knows the
 * token. Registers no agent.
 */
export async function checkConnection(
  config: SemaphoreConfig,
  { env, signal }: CheckContext,
): Promise<Finding[]> {
  // Faults of the settings are reported by the check of the settings.
  if (!config.endpoint || !isHost(config.endpoint)) return [];
  const url = new URL(toOrigin(config));
  const ca = await loadCertificates(config["ca-file"]).catch(() => undefined);
  const token = await loadToken(config).catch(() => undefined);
  const proxy = findProxy(url, env);
  const findings: Finding[] = [];

  if (proxy !== undefined) {
    findings.push({ level: "ok", title: `requests use the proxy ${proxy.shown} (${proxy.variable})` });
  } else {
    const unresolved = await findUnresolved(url);
    if (unresolved !== undefined) return [unresolved];
    if (url.protocol === "https:") findings.push(...(await checkCertificate(url, { ca, signal })));
  }
  if (findings.some(({ level }) => level === "error")) return findings;

  const answer = await requestWithToken(url, {
    token: isToken(token) ? token : undefined,
    ca,
    signal,
    proxy,
  });
  return [...findings, ...answer.findings, ...judgeClock(answer)];
}

async function findUnresolved({ hostname }: URL): Promise<Finding | undefined> {
  if (isIP(hostname.replaceAll(/[[\]]/g, "")) !== 0) return undefined;
  try {
    await lookup(hostname);
    return undefined;
  } catch (error) {
    return {
      level: "error",
      title: `host name "${hostname}" cannot be resolved`,
      detail: toMessage(error),
      remedy: `check the endpoint and the resolver (getent hosts ${hostname}); behind a proxy, set HTTPS_PROXY`,
    };
  }
}

const warningSeconds = 30;
const errorSeconds = 300;

/** Compares this machine's clock with the control plane's, with an accuracy of two seconds. */
function judgeClock({ date, askedAt, answeredAt }: ControlPlaneAnswer): Finding[] {
  if (date === undefined) return [];
  // The header has whole seconds and was written between the request and the answer.
  const seconds = Math.round(
    (date < askedAt - 1000 ? askedAt - date : Math.min(0, answeredAt - date)) / 1000,
  );
  const distance = Math.abs(seconds);
  if (distance <= warningSeconds)
    return [{ level: "ok", title: "the clock matches the control plane's clock" }];
  return [
    {
      level: distance > errorSeconds ? "error" : "warning",
      title: `the clock is ${distance} s ${seconds > 0 ? "ahead of" : "behind"} the control plane's clock`,
      detail: "the validity of tokens and certificates depends on the clock",
      remedy: "synchronize the clock: timedatectl set-ntp true",
    },
  ];
}

interface Proxy {
  /** The environment variable that sets the proxy. */
  readonly variable: string;
  /** The quoted address without credentials. */
  readonly shown: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds the proxy that requests to `url` use, from the environment variables. */
function findProxy(url: URL, env: Environment): Proxy | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const variable = [name.toLowerCase(), name].find((candidate) => env[candidate]);
  if (variable === undefined || isExcepted(url, env["no_proxy"] || env["NO_PROXY"] || "")) return undefined;
  const proxy = env[variable]!;
  return { variable, shown: `"${proxy.replace(/[^/]*@/, "…@")}"` };
}

/** Whether `no_proxy` lists the URL: by `*`, by its host, or by a parent domain, with or without a port. */
function isExcepted({ host, hostname }: URL, list: string): boolean {
  return list
    .split(",")
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ""),
    )
    .some(
      (entry) =>
        entry === "*" ||
        ([host, hostname].some((one) => one === entry || one.endsWith(`.${entry}`)) && entry !== ""),
    );
}
