import type { Cookie, ExecutorContext } from "../core/contracts/executor.ts";
import type { JobLog } from "../core/contracts/job-log.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { LogFilter } from "../core/contracts/log-filter.ts";
import { toGroupDirectory } from "../os/cgroup/place.ts";
import { toBaseEnvironment } from "./base-environment.ts";
import { toHostPaths } from "./host-paths.ts";
import type { JobSettings } from "./settings.ts";

interface ExecutorPlace {
  readonly settings: JobSettings;
  /** The agent's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cookie: Cookie;
  readonly controlGroup?: string | undefined;
  readonly jobSocket: string | undefined;
  readonly log: JobLog;
  readonly filters: Pick<LogFilter, "text">;
  readonly showProgress?: ExecutorContext["showProgress"] | undefined;
}

/** Returns what the executor of a job is created with, but for what belongs to one executor. */
export function toExecutorContext(
  job: JobRequest,
  { settings, env, cookie, jobSocket, log, filters, ...options }: ExecutorPlace,
): Omit<ExecutorContext, "directory" | "imagePulled" | "logger"> {
  const controlGroup = options.controlGroup ?? toGroupDirectory(settings.agentId, cookie);
  const { agentId, stateDirectory, secretVariables, configuration, provisions, home, user } = settings;
  const { stopGraceMs, terminalSize, limits } = settings;
  return {
    job,
    agentId,
    ...(stateDirectory !== undefined && { stateDirectory }),
    environment: toBaseEnvironment(env, { secretVariables, cookie, jobSocket, configuration }),
    cookie,
    ...(controlGroup !== undefined && { controlGroup }),
    hostPaths: toHostPaths(jobSocket, settings),
    log,
    showProgress(read) {
      // What an engine or a cluster says may contain a secret of the job.
      const masked = () => {
        const text = read();
        return text && filters.text(text);
      };
      return options.showProgress?.(masked) ?? { [Symbol.dispose]() {} };
    },
    options: {
      stopGraceMs,
      terminalSize,
      limits,
      ...(provisions !== undefined && { provisions }),
      ...(home !== undefined && { home }),
      ...(user !== undefined && { user }),
    },
  };
}
