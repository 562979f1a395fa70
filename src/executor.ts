/**
 * The SDK for executors: a bash in a terminal, and the processes of a job on this host.
 *
 * @module signalman/executor
 */
export type { Cookie, JobUser } from "./core/contracts/executor.ts";
export type { EndReport } from "./os/processes/end-report.ts";
export { type BoundedLineReaderOptions, createBoundedLineReader } from "./core/text/bounded-lines.ts";
export { createJobGroup, type JobGroup } from "./os/cgroup/job-group.ts";
export { setLimits } from "./os/cgroup/limits.ts";
export { removeLeftGroups } from "./kit/executor/left-groups.ts";
export { findGroupOutlook, limitRemedy, prepareLimits } from "./kit/executor/prepare-limits.ts";
export { endProcesses } from "./os/processes/end.ts";
export { listLineage } from "./kit/executor/lineage.ts";
export { logEndReport } from "./kit/executor/log-end-report.ts";
export { becomeSubReaper, startReaper } from "./os/processes/reaper.ts";
export { sendSignal } from "./os/processes/send-signal.ts";
export { resolvePid } from "./kit/executor/resolve-pid.ts";
export { createJobProcesses, type JobProcesses } from "./os/processes/tree.ts";
export { type UsageWatch, watchUsage } from "./kit/usage/usage.ts";
export { asUser } from "./os/users/as-user.ts";
export { endUserProcesses } from "./os/users/end-user-processes.ts";
export { toUserCommand, toUserEnvironment } from "./kit/executor/user-command.ts";
export { decodeVariables, quote, toExportFile } from "./kit/session/environment.ts";
export { findProgram } from "./job/host-paths.ts";
export { type CommandEnd, type Explain, killedCode, toMemorySentence } from "./kit/executor/explain.ts";
export { createLazyExecutor } from "./kit/executor/lazy-executor.ts";
export type { Ending, Meter, Opening, OpenJob } from "./kit/executor/job-life.ts";
export { createSessionExecutor, type SessionExecutorParts } from "./kit/executor/session-executor.ts";
export { type Guard, startGuard } from "./kit/session/guard.ts";
export { type LocalTerminal, openLocalTerminal } from "./kit/session/local-terminal.ts";
export { createSession, type Session, type SessionRunOptions } from "./kit/session/session.ts";
export { logUnshownOutput } from "./kit/session/unshown-output.ts";
export type { OpenTerminal, Terminal, TerminalOptions } from "./kit/session/terminal.ts";
