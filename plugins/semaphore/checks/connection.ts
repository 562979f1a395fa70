import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type CheckContext, type Finding, toMessage } from "signalman";
import type { SemaphoreConfig } from "../config.ts";
import { isHost, loadCertificates, loadToken, toOrigin } from "../settings.ts";
import { isToken } from "../wire.ts";
import { requestWithToken } from "./token-request.ts";
import { checkCertificate } from "./certificate.ts";
import { judgeClock } from "./clock.ts";
import { findProxy } from "./proxy.ts";

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
