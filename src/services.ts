import type { JobSource } from "./agent/source.ts";
import type { Check } from "./doctor/check.ts";
import type { Executor, ExecutorContext } from "./job/executor.ts";
import type { LogBackend, LogBackendContext } from "./log/backend.ts";
import type { LogSink, LogSinkContext } from "./log/sink.ts";

/** A typed token: what is provided under it has the type `T`. The type is carried, never read. */
export interface Service<T extends object> {
  /** Unique, kebab-case: `"executor"`, or `"acme/cache"` for a plugin's own. */
  readonly id: string;
  /** Methods that make further objects of the plugin's: what those throw names the plugin, as for the service itself. */
  readonly factories?: readonly string[];
  readonly type?: T;
}

/** Makes a service token. Two tokens with one id are one service, so that copies of a plugin's package agree. */
export function defineService<T extends object>(
  id: string,
  options: { readonly factories?: readonly (keyof T & string)[] } = {},
): Service<T> {
  return { id, ...options };
}

/** Makes the executor of one job. Provided under the wire's name: `shell`, `dockercompose`, `kubernetes`. */
export interface ExecutorFactory {
  create(context: ExecutorContext): Executor;
}

/** Brings a job's spool to where the job's request wants it. Provided under the request's log method: `push`, `pull`. */
export interface LogBackendFactory {
  open(context: LogBackendContext): LogBackend;
}

/** Mirrors every job's log to some other place. Never delays the job, and cannot fail it. */
export interface LogSinkFactory {
  open(context: LogSinkContext): LogSink;
}

/** Looks whether what jobs need is in order, for `signalman doctor`. Provided under a name of its own: `login-profile`. */
export const check = defineService<Check>("check");
export const executor = defineService<ExecutorFactory>("executor", { factories: ["create"] });
export const logBackend = defineService<LogBackendFactory>("log-backend", { factories: ["open"] });
export const logSink = defineService<LogSinkFactory>("log-sink", { factories: ["open"] });
/** Provided under the name of the control plane: `semaphore`. */
export const jobSource = defineService<JobSource>("job-source");
