import { createHash } from "node:crypto";
import type { AccessKey } from "../credentials.ts";
import { request } from "../operator/client.ts";
import { createSigningKey, signRequest, toScopeText } from "../s3/canonical-request.ts";
import type { CacheUse } from "../uses.ts";
import { jobPath } from "./job-handler.ts";

/** Ends the key of a job. Resolves to what the job has used; `undefined` for nothing. */
export function endJob(url: string, key: AccessKey): Promise<CacheUse | undefined> {
  return request<CacheUse>(`${url}${jobPath}`, {
    method: "DELETE",
    headers: signJobRequest("DELETE", url, key),
  });
}

/** Returns the headers of a request about the job whose key signs it. */
export function signJobRequest(
  method: string,
  url: string,
  { id, secret }: AccessKey,
): Record<string, string> {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const scope = { date: time.slice(0, 8), region: "auto" };
  const payload = createHash("sha256").digest("hex");
  const signed: Record<string, string> = {
    host: new URL(url).host,
    "x-amz-content-sha256": payload,
    "x-amz-date": time,
  };
  const headers = Object.keys(signed);
  const parts = { method, path: jobPath, queryText: "", time, scope, headers, payload };
  const signature = signRequest(createSigningKey(secret, scope), {
    ...parts,
    header: (name) => signed[name] ?? "",
  });
  const credential = `${id}/${toScopeText(scope)}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${headers.join(";")}, Signature=${signature}`;
  return { ...signed, authorization };
}
