import type { Executor, ExecutorFactory } from "../core/contracts/executor.ts";
import type { JobLimits, JobUser } from "../core/contracts/executor-options.ts";
import type { Host } from "../core/contracts/host.ts";
import { executor } from "../core/contracts/services.ts";
import { AgentError } from "../core/errors.ts";

export interface ChosenExecutor {
  readonly name: string;
  /** `undefined` when no plugin of this process provides the executor. */
  readonly factory: ExecutorFactory | undefined;
}

export interface ExecutorChoice {
  readonly host: Pick<Host, "use" | "all">;
  /** The name of an executor in job requests → the executor that replaces it (`executors`). */
  readonly executors: Readonly<Record<string, string>>;
}

/**
 * Chooses the executor of a job that requests `wanted`: the one that takes all jobs, its configured
 * replacement, or the one of this name. Throws `CONFIG_INVALID` when several executors take all jobs.
 */
export function findExecutor(wanted: string, { host, executors }: ExecutorChoice): ChosenExecutor {
  const all = host.all(executor);
  const takers = [...all].filter(([, { takesAllJobs }]) => takesAllJobs);
  if (takers.length > 1) {
    const names = takers.map(([name]) => `"${name}"`).join(" and ");
    throw new AgentError(
      "CONFIG_INVALID",
      `executors ${names} each take all jobs: turn off all of their plugins but one`,
    );
  }
  const name = takers[0]?.[0] ?? executors[wanted] ?? wanted;
  return { name, factory: all.get(name) };
}

/** As {@link findExecutor}, for a job that is told of its faults later: an ambiguous choice is `wanted`. */
export function findExecutorName(wanted: string, choice: ExecutorChoice): string {
  try {
    return findExecutor(wanted, choice).name;
  } catch {
    return wanted;
  }
}

/**
 * As {@link findExecutor}. Throws `SERVICE_UNKNOWN` for an unknown executor, and `CONFIG_INVALID` for one
 * that cannot enforce the limits or apply the user.
 */
export function chooseExecutor(
  wanted: string,
  choice: ExecutorChoice & { readonly limits?: JobLimits | undefined; readonly user?: JobUser | undefined },
): Required<ChosenExecutor> & { readonly factory: ExecutorFactory } {
  const { name } = findExecutor(wanted, choice);
  const factory = choice.host.use(executor, name);
  const unenforced = limitNames.filter(
    (limit) => choice.limits?.[limit] !== undefined && !factory.enforcesLimits?.includes(limit),
  );
  if (unenforced.length > 0) {
    const options = unenforced.map((limit) => `"${limitOptions[limit]}"`).join(", ");
    throw new AgentError(
      "CONFIG_INVALID",
      `executor "${name}" cannot enforce ${options}: unset the option, or use an executor that enforces it`,
    );
  }
  if (choice.user && !factory.appliesUser)
    throw new AgentError(
      "CONFIG_INVALID",
      `executor "${name}" would run jobs as root and not as "${choice.user.name}": unset "shell-user", or use an executor that applies it`,
    );
  return { name, factory };
}

/**
 * Prepares this host for the configured limits, by the executor of jobs that request `wanted`. Throws
 * `CONFIG_INVALID` when it cannot enforce them. Nothing is prepared for an executor that no plugin provides.
 */
export function prepareLimits(
  wanted: string,
  choice: ExecutorChoice & { readonly limits: JobLimits },
  options: { readonly dryRun: boolean },
): void {
  if (Object.keys(choice.limits).length === 0 || findExecutor(wanted, choice).factory === undefined) return;
  const { name, factory } = chooseExecutor(wanted, choice);
  const reason = factory.prepareLimits?.(choice.limits, options);
  if (reason === undefined) return;
  const set = limitNames
    .filter((limit) => choice.limits[limit] !== undefined)
    .map((limit) => limitOptions[limit]);
  throw new AgentError(
    "CONFIG_INVALID",
    `executor "${name}" cannot enforce "${set.join('", "')}": ${reason}`,
  );
}

/** The methods that every executor has. */
export const executorMethods = [
  "start",
  "exportEnvironment",
  "injectFiles",
  "run",
  "stop",
  Symbol.asyncDispose,
] as const satisfies readonly (keyof Executor)[];

const limitOptions = {
  memoryBytes: "job-memory",
  cpus: "job-cpus",
  pids: "job-pids",
} as const satisfies Record<keyof JobLimits, string>;

const limitNames = Object.keys(limitOptions) as (keyof JobLimits)[];
