/**
 * The SDK for executors: a bash in a terminal, and the processes of a job on this host.
 *
 * @module signalman/terminal
 */
export type { Cookie, JobUser } from "./core/contracts/executor.ts";
export type { EndReport } from "./os/processes/end-report.ts";
export { type BoundedLineReaderOptions, createBoundedLineReader } from "./os/bounded-lines.ts";
export { createJobGroup, type JobGroup } from "./os/cgroup/job-group.ts";
export { removeLeftGroups } from "./os/cgroup/left-groups.ts";
export { findGroupOutlook, limitRemedy, prepareLimits } from "./os/cgroup/prepare-limits.ts";
export { endProcesses } from "./os/processes/end.ts";
export { listLineage } from "./os/processes/lineage.ts";
export { logEndReport } from "./os/processes/log-end-report.ts";
export { becomeSubReaper, startReaper } from "./os/processes/reaper.ts";
export { sendSignal } from "./os/processes/send-signal.ts";
export { resolvePid } from "./os/processes/resolve-pid.ts";
export { createJobProcesses, type JobProcesses } from "./os/processes/tree.ts";
export { type UsageWatch, watchUsage } from "./os/processes/usage.ts";
export { asUser } from "./os/users/as-user.ts";
export { endUserProcesses } from "./os/users/end-user-processes.ts";
export { toUserCommand, toUserEnvironment } from "./os/users/user-command.ts";
export { decodeVariables, quote, toExportFile } from "./kit/session/environment.ts";
export { createPrefixed } from "./kit/session/command-prefix.ts";
export { type CommandEnd, type Explain, killedCode, toMemorySentence } from "./kit/executor/explain.ts";
export { createLazyExecutor } from "./kit/executor/lazy-executor.ts";
export type { Ending, Meter, Opening, OpenJob } from "./kit/executor/job-life.ts";
export { createSessionExecutor, type SessionExecutorParts } from "./kit/executor/session-executor.ts";
export { type Guard, startGuard } from "./kit/session/guard.ts";
export { type LocalTerminal, openLocalTerminal } from "./kit/session/local-terminal.ts";
export { createSession, type Session, type SessionRunOptions } from "./kit/session/session.ts";
export { logUnshownOutput } from "./kit/session/unshown-output.ts";
export type { OpenTerminal, Terminal, TerminalOptions } from "./kit/session/terminal.ts";
