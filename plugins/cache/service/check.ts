import { type CheckContext, type Finding, toMessage } from "signalman";
import { createCredentials } from "../credentials.ts";
import { request } from "../operator/client.ts";
import { signJobRequest } from "./end-job.ts";
import { jobPath } from "./job-handler.ts";
import { toSharedSecret } from "./shared-secret.ts";
import { randomUUID } from "node:crypto";

/** Checks whether the cache of `cache-url` answers, and accepts keys that this agent makes with `cache-secret`. */
export async function checkService(
  { url, secret }: { readonly url: string; readonly secret: string },
  { signal }: Pick<CheckContext, "signal">,
): Promise<Finding[]> {
  const base = url.replace(/\/$/, "");
  const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
  const expiresAt = Math.floor(Date.now() / 1000) + 60;
  const key = credentials.issue({ project: "doctor", job: randomUUID(), canWrite: false, expiresAt });
  try {
    // 404: a job of this name has not used the cache.
    await request(base + jobPath, { headers: signJobRequest("GET", base, key), signal });
    return [{ level: "ok", title: `the cache at ${base} answers, and accepts the keys of this agent` }];
  } catch (error) {
    const isRefused = toMessage(error).includes("status 403");
    const title = isRefused
      ? `the cache at ${base} refuses the keys of this agent`
      : `the cache at ${base} does not answer: ${toMessage(error)}`;
    const remedy = isRefused
      ? "set the same cache-secret for the cache and its agents, and compare the clocks of their hosts"
      : "start `signalman cache serve` there, or correct cache-url; jobs run without a cache until then";
    return [{ level: "warning", title, remedy }];
  }
}
