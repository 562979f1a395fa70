import type { Executor, ExecutorContext } from "./job/executor.ts";
import type { LogBackend, LogBackendContext } from "./log/backend.ts";
import type { LogSink, LogSinkContext } from "./log/sink.ts";

/** A typed token: what is provided under it has the type `T`. The type is carried, never read. */
export interface Service<T extends object> {
  /** Unique, kebab-case: `"executor"`, or `"acme/cache"` for a plugin's own. */
  readonly id: string;
  readonly type?: T;
}

/** Makes a service token. Two tokens with one id are one service, so that copies of a plugin's package agree. */
export function defineService<T extends object>(id: string): Service<T> {
  return { id };
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

export const executor: Service<ExecutorFactory> = defineService("executor");
export const logBackend: Service<LogBackendFactory> = defineService("log-backend");
export const logSink: Service<LogSinkFactory> = defineService("log-sink");
