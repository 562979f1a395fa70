import type { Host } from "../core/contracts/host.ts";
import type { LogBackendFactory } from "../core/contracts/log-backend.ts";
import { logBackend } from "../core/contracts/services.ts";

export interface LogMethodChoice {
  readonly host: Pick<Host, "use">;
  /** The log method of job requests → the log backend that serves it (`log-methods`). */
  readonly logMethods: Readonly<Record<string, string>>;
}

/** Finds the log backend of jobs that ask for `method`. Throws `SERVICE_UNKNOWN` with the known names. */
export function findLogBackend(method: string, { host, logMethods }: LogMethodChoice): LogBackendFactory {
  const name = Object.hasOwn(logMethods, method) ? logMethods[method]! : method;
  return host.use(logBackend, name);
}
