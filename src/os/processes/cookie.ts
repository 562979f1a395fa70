import type { Cookie } from "../../core/contracts/executor.ts";
import { randomHex } from "../../core/text/random.ts";

const prefix = "SIGNALMAN_JOB_";

/**
 * Creates a cookie `SIGNALMAN_JOB_<job's id>_<nonce>`. The nonce separates two nested runs of the same job
 * id.
 */
export function createCookie(jobId: string): Cookie {
  const id = jobId.replaceAll(/[^A-Za-z0-9_]/g, "_").slice(0, 100);
  return { name: `${prefix}${id}_${randomHex(4)}`, value: randomHex(16) };
}

/** Returns `true` when an environment (as in `/proc/<pid>/environ`) contains exactly this cookie. */
export function hasCookie(environ: Buffer, cookie: Cookie): boolean {
  const entry = Buffer.from(`${cookie.name}=${cookie.value}`);
  for (let at = environ.indexOf(entry); at >= 0; at = environ.indexOf(entry, at + 1)) {
    if (startsEntry(environ, at) && (environ[at + entry.length] ?? 0) === 0) return true;
  }
  return false;
}

function startsEntry(environ: Buffer, at: number): boolean {
  return at === 0 || environ[at - 1] === 0;
}
