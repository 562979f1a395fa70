import type { Cookie } from "../../core/contracts/executor.ts";
import { randomBytes } from "node:crypto";

const prefix = "SIGNALMAN_JOB_";
/** Begins like a cookie and is none: cookies end in a nonce. */
const socket = `${prefix}SOCKET=`;

/** `SIGNALMAN_JOB_<job's id>_<nonce>`: two runs of one job id, one inside the other, have two names as well. */
export function createCookie(jobId: string): Cookie {
  const id = jobId.replaceAll(/[^A-Za-z0-9_]/g, "_").slice(0, 100);
  return { name: `${prefix}${id}_${randomBytes(4).toString("hex")}`, value: randomBytes(16).toString("hex") };
}

/** `true` when this environment (as in `/proc/<pid>/environ`) holds exactly this cookie. */
export function hasCookie(environ: Buffer, cookie: Cookie): boolean {
  const entry = Buffer.from(`${cookie.name}=${cookie.value}`);
  for (let at = environ.indexOf(entry); at >= 0; at = environ.indexOf(entry, at + 1)) {
    if (startsEntry(environ, at) && (environ[at + entry.length] ?? 0) === 0) return true;
  }
  return false;
}

/** `true` when this environment holds the cookie of any job. */
export function hasAnyCookie(environ: Buffer): boolean {
  for (let at = environ.indexOf(prefix); at >= 0; at = environ.indexOf(prefix, at + 1)) {
    if (startsEntry(environ, at) && environ.indexOf(socket, at) !== at) return true;
  }
  return false;
}

function startsEntry(environ: Buffer, at: number): boolean {
  return at === 0 || environ[at - 1] === 0;
}
