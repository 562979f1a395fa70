/**
 * The SDK: all that a plugin may import.
 *
 * @module signalman
 */
export * as v from "valibot";
export { type Command, type CommandLoader, defineCommand } from "./cli/command.ts";
export { hasColour } from "./cli/colour.ts";
export { formatTable } from "./cli/columns.ts";
export type { Program } from "./cli/program.ts";
export { readJobText } from "./cli/read-job.ts";
export { createRenderer, type Renderer, type RendererOptions } from "./cli/render.ts";
export type { AgentJob, JobDelivery, JobOutcome, Jobs, LeftJob } from "./agent/jobs.ts";
export type {
  AgentStatus,
  JobStatus,
  LogPosition,
  SlotStatus,
  SyncOutcome,
  SyncStatus,
} from "./agent/status.ts";
export type { AgentSignals, JobSource, JobSourceContext } from "./agent/source.ts";
export type { Check, CheckContext, Finding } from "./doctor/check.ts";
export { checkScript, type CheckScriptOptions } from "./doctor/script.ts";
export { aborted } from "./aborted.ts";
export { AgentError, type ErrorCode, errorCodes, isAgentError, toMessage } from "./errors.ts";
export type {
  CommandHookEvent,
  CommandPhase,
  Hook,
  HookDeclaration,
  HookEvents,
  HookName,
  ImagePull,
  JobHookEvent,
  JobSessionEvent,
  JobSummary,
  RunOptions,
} from "./hooks.ts";
export type { Executor, ExecutorContext, ExecutorOptions } from "./job/executor.ts";
export type { JobLog } from "./job/log.ts";
export type { JobUsage } from "./job/usage.ts";
export type {
  EnvironmentVariable,
  ImagePullCredentials,
  JobCommand,
  JobContainer,
  JobFile,
  JobRequest,
} from "./job/request.ts";
export { withoutSecrets } from "./job/base-environment.ts";
export { decodeBase64, encodeBase64 } from "./job/base64.ts";
export { readVariable } from "./job/variable.ts";
export { parseJobRequest, type ParsedJob, toJobRequest } from "./job/parse-request.ts";
export type { LogBackend, LogBackendContext, LogDelivery } from "./log/backend.ts";
export { countRest } from "./log/count-rest.ts";
export type { JobEvent, JobResult } from "./log/events.ts";
export type { Output } from "./log/output.ts";
export type { LogSink, LogSinkContext } from "./log/sink.ts";
export { openSpool, type SpoolBatch, type SpoolCursor, type SpoolReader } from "./log/spool-reader.ts";
export type { LogFields, Logger } from "./logger/logger.ts";

export {
  definePlugin,
  type Flags,
  type Plugin,
  type PluginContext,
  type ProcessRole,
  type StopReason,
} from "./plugin.ts";
export {
  check,
  defineService,
  executor,
  type ExecutorFactory,
  jobSource,
  logBackend,
  type LogBackendFactory,
  logSink,
  type LogSinkFactory,
  type Service,
} from "./services.ts";
export { seal, unseal } from "./state/seal.ts";
export type { SlotState } from "./state/slot-state.ts";
export type { StandardSchemaV1 } from "./standard-schema.ts";
export { version } from "./version.ts";

// For programs of the agent's own on this host.
export { runProgram, type RunProgramOptions } from "./processes/run-program.ts";

export { readHolder, takeLock } from "./state/lock.ts";

// For executors: a bash in a terminal, and the processes of a job on this host.
export { type Cookie } from "./processes/cookie.ts";
export {
  endProcesses,
  type EndedProcess,
  type EndProcessesOptions,
  type EndReport,
  type ProcessReport,
} from "./processes/end.ts";
export { becomeSubReaper, startReaper } from "./processes/reaper.ts";
export { sendSignal } from "./processes/send-signal.ts";
export { type UsageWatch, watchUsage } from "./processes/usage.ts";
export { createJobProcesses, type JobProcesses, type JobProcessesOptions } from "./processes/tree.ts";
export {
  decodeVariables,
  type DecodedVariable,
  isVariableName,
  quote,
  toExportFile,
} from "./session/environment.ts";
export { type GuardOptions, startGuard } from "./session/guard.ts";
export {
  type LocalTerminal,
  type LocalTerminalOptions,
  openLocalTerminal,
} from "./session/local-terminal.ts";
export { createSession, type Session, type SessionOptions } from "./session/session.ts";
export type { OpenTerminal, Terminal, TerminalOptions } from "./session/terminal.ts";
