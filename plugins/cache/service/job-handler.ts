import type { Exchange, Handler } from "signalman/http";
import type { Access, Credentials } from "../credentials.ts";
import { authenticate } from "../s3/authenticate.ts";
import { toFault } from "../store/fault.ts";
import type { CacheUses } from "../uses.ts";

export interface JobHandlerOptions {
  readonly credentials: Credentials;
  readonly uses: Pick<CacheUses, "of">;
  /** The job has ended, and its keys with it. */
  readonly end: (job: string) => void;
  /** Answers all other requests. */
  readonly next: Handler;
}

/** The path of requests about the job whose key signs them, which no bucket can have. */
export const jobPath = "/-/job";

/** Answers what a job has used (GET, 404 when nothing), and ends its keys (DELETE, which answers the same). */
export function createJobHandler({ credentials, uses, end, next }: JobHandlerOptions): Handler {
  return async (exchange) => {
    const { method, path } = exchange;
    if (path !== jobPath) return next(exchange);
    const job = findJob(exchange, credentials);
    if (job === undefined) return exchange.send(403, "a signature with the key of a job is required\n");
    if (method !== "GET" && method !== "DELETE") return exchange.send(405, "method not allowed\n");
    const use = uses.of(job);
    if (method === "DELETE") end(job);
    if (use === undefined) return exchange.send(404, "the job has not used the cache\n");
    return exchange.send(200, JSON.stringify(use), { "content-type": "application/json" });
  };
}

function findJob(exchange: Exchange, credentials: Credentials): Access["job"] | undefined {
  try {
    return authenticate(exchange, credentials).access.job;
  } catch (error) {
    if (toFault(error) === undefined) throw error;
    return undefined;
  }
}
