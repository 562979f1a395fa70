/**
 * The SDK for executors: a bash in a terminal, and the processes of a job on this host.
 *
 * A comment between the exports begins a page of `docs/sdk`: its title, and the question that it answers.
 *
 * @module signalman/executor
 */

// Session executors: an executor around one bash in one terminal
export { createSessionExecutor, type SessionExecutorParts } from "./kit/executor/session-executor.ts";
export type { OpenJob, Opening, Meter, Ending } from "./kit/executor/job-life.ts";
export { type Explain, type CommandEnd, killedCode, toMemorySentence } from "./kit/executor/explain.ts";
export type { SideShell } from "./kit/executor/side-sessions.ts";
export { caPath, readCa, sourceToolbox, toProvisionVariables } from "./kit/executor/provisions.ts";
export { createLazyExecutor } from "./kit/executor/lazy-executor.ts";
export { createSession, type Session, type SessionRunOptions } from "./kit/session/session.ts";
export { openLocalTerminal, type LocalTerminal } from "./kit/session/local-terminal.ts";
export type {
  Terminal,
  SideTerminal,
  OpenTerminal,
  TerminalOptions,
  TerminalSteps,
} from "./kit/session/terminal.ts";
export { logUnshownOutput } from "./kit/session/unshown-output.ts";
export { decodeVariables, quote, toExportFile } from "./kit/session/environment.ts";
export { findProgram } from "./job/host-paths.ts";
export { createBoundedLineReader, type BoundedLineReaderOptions } from "./core/text/bounded-lines.ts";

// Sessions that outlive their process: another process of a job continues its session
export type { KeepingOptions } from "./kit/session/keeping.ts";
export { findOpened, readLeftSession, type LeftSession } from "./kit/session/left-session.ts";
export { watchLastLine, type LastLine, type LastLinePlace } from "./kit/session/find-last-line.ts";
export {
  openRecording,
  startRecorder,
  type Recorder,
  type RecorderHandle,
  type Recording,
  type WaitingRecorder,
} from "./kit/recorder/recorder.ts";
export { maxRecordedBytes, type RecordedStream } from "./kit/recorder/recorded-stream.ts";

// Processes of a job: how they are found, ended and measured
export { createJobProcesses, type JobProcesses } from "./os/processes/tree.ts";
export type { Cookie } from "./core/contracts/executor.ts";
export { endProcesses } from "./os/processes/end.ts";
export type { EndReport } from "./os/processes/end-report.ts";
export { logEndReport } from "./kit/executor/log-end-report.ts";
export { startGuard, type Guard } from "./kit/session/guard.ts";
export { listLineage } from "./kit/executor/lineage.ts";
export { resolvePid } from "./kit/executor/resolve-pid.ts";
export { sendSignal } from "./os/processes/send-signal.ts";
export { becomeSubReaper, startReaper } from "./os/processes/reaper.ts";
export { watchUsage, type UsageWatch } from "./kit/usage/usage.ts";

// Limits and users: control groups of jobs, and jobs as another user
export { createJobGroup, type JobGroup } from "./os/cgroup/job-group.ts";
export { setLimits } from "./os/cgroup/limits.ts";
export { findGroupOutlook, limitRemedy, prepareLimits } from "./kit/executor/prepare-limits.ts";
export { removeLeftGroups } from "./kit/executor/left-groups.ts";
export type { JobUser } from "./core/contracts/executor-options.ts";
export { asUser } from "./os/users/as-user.ts";
export { endUserProcesses } from "./os/users/end-user-processes.ts";
export { toUserCommand, toUserEnvironment } from "./kit/executor/user-command.ts";
