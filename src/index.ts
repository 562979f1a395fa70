/**
 * The SDK for every plugin.
 *
 * A comment between the exports begins a page of `docs/sdk`: its title, and the question that it answers.
 *
 * @module signalman
 */

// Plugins: a plugin, what its `setup` receives, and its options
export {
  definePlugin,
  type Plugin,
  type PluginContext,
  type HookOptions,
  type StatusOptions,
  type Flags,
} from "./core/contracts/plugin.ts";
export type { ProcessRole } from "./core/contracts/host.ts";
export type { LogFields, Logger } from "./core/contracts/logger.ts";
export type { StandardSchemaV1 } from "./core/contracts/standard-schema.ts";
/** The library valibot, for the schemas of options. */
export * as v from "valibot";
export { bytes, seconds, milliseconds } from "./agent/options/amounts.ts";
export { version } from "./core/version.ts";

// Hooks: the events of the agent and of jobs, and what a listener can do
export type {
  HookName,
  HookEvents,
  HookDeclaration,
  Hook,
  JobHookEvent,
  JobAgent,
  JobSessionEvent,
  JobStoppingEvent,
  RunOptions,
  CommandHookEvent,
  CommandStartEvent,
  VariableHookEvent,
  VariableOptions,
} from "./core/contracts/hooks.ts";
export type {
  CommandPhase,
  JobPhase,
  EndedPhase,
  EndedBlock,
  BlockSource,
  JobSpan,
} from "./core/contracts/job-phases.ts";
export type { JobLog, Output } from "./core/contracts/job-log.ts";
export type { ImagePull, TimedPull, JobSummary } from "./core/contracts/job-summary.ts";
export type { JobTimes, JobArrival, JobUsage } from "./core/contracts/job-summary.ts";
export type { JobCause, JobCauseKind } from "./core/contracts/job-cause.ts";
export type { JobResult } from "./core/contracts/job-events.ts";
export type { Interruption } from "./core/contracts/interruption.ts";
export type { StopReason } from "./core/contracts/agent-status.ts";
export type { StopCause, Stopper } from "./core/contracts/stop-cause.ts";
export { findStopCause } from "./core/stop-cause.ts";

// Services: the kinds of services, and kinds of a plugin's own
export {
  defineService,
  type Service,
  admission,
  check,
  executor,
  executorWrapper,
  jobBoardViewer,
  jobCommand,
  jobPolicy,
  jobSource,
  logBackend,
  logFilter,
  logSink,
} from "./core/contracts/services.ts";

// Commands: subcommands of the program, and their output
export { defineCommand, type Command, type Program, type CommandLoader } from "./core/contracts/command.ts";
export { print, printJson, toJsonText } from "./cli/output/print.ts";
export { formatTable } from "./cli/output/columns.ts";
export { hasColour, isInteractive, isTerminal } from "./cli/output/terminal.ts";
export { openStatusLine, type StatusLine } from "./cli/output/status-line.ts";
export { createRenderer } from "./cli/job-view/renderer.ts";

// Job requests: what a job is asked to run, and its variables
export type {
  JobRequest,
  EnvironmentVariable,
  JobFile,
  JobCommand,
  JobContainer,
  ImagePullCredentials,
} from "./core/contracts/job-request.ts";
export { readVariable } from "./kit/read-variable.ts";
export { decodeBase64, encodeBase64 } from "./core/text/base64.ts";
export { parseJobRequest, type ParsedJob, toJobRequest } from "./job/request/parse.ts";
export { readJobText } from "./cli/run/job-file.ts";
export { withoutSecrets } from "./job/base-environment.ts";

// Executors: the contract of an executor, and wrappers of other executors
export type {
  Executor,
  ExecutorFactory,
  ExecutorContext,
  HostPath,
  CleanUpContext,
  SilentExport,
  VariableScope,
} from "./core/contracts/executor.ts";
export type { ExecutorOptions, JobProvisions, JobLimits } from "./core/contracts/executor-options.ts";
export type { SideSession, SideSessionOptions, TerminalSize } from "./core/contracts/side-session.ts";
export type {
  LineKind,
  SessionBase,
  SessionJournal,
  SessionRecord,
  ShellStreams,
} from "./core/contracts/session-journal.ts";
export type { ExecutorWrapper } from "./core/contracts/executor-wrapper.ts";
export { findExecutor } from "./job/choose-executor.ts";

// Logs: log backends, log sinks, and readers of the spool
export type {
  LogBackend,
  LogBackendFactory,
  LogBackendContext,
  LogDelivery,
} from "./core/contracts/log-backend.ts";
export type { LogSink, LogSinkFactory, LogSinkContext } from "./core/contracts/log-sink.ts";
export type { SpoolReader, SpoolBatch, SpoolCursor, NextOptions } from "./core/contracts/spool.ts";
export type { JobEvent } from "./core/contracts/job-events.ts";
export { parseEvent as parseJobEvent } from "./job/log/parse-event.ts";
export { openSpool } from "./job/log/spool-reader.ts";
export { countUndelivered } from "./job/log/count-undelivered.ts";
export { createOutageLog, type OutageLog } from "./agent/outage-log.ts";

// Log filters: filters of a job's output, and the detection of secrets
export type {
  LogFilter,
  LogFilterFactory,
  LogFilterContext,
  LogFilterCounts,
  AddedVariable,
} from "./core/contracts/log-filter.ts";
export { matchNames, secretNamePatterns } from "./core/text/secret-names.ts";
export { isSecret, toPlain } from "./core/logger/line.ts";

// Job commands: commands that processes of a job call
export type {
  JobCommandHandler,
  JobCommandContext,
  JobCommandMessage,
  JobCommandAnswer,
  JobCommandEnd,
} from "./core/contracts/job-command.ts";
export { askJob, type AskJobOptions } from "./kit/ask-job.ts";
export { toJobSequence } from "./job/commands/job-sequences.ts";

// Job sources: clients of control planes and queues
export type { JobSource, JobSourceContext, AgentSignals, SlotState } from "./core/contracts/job-source.ts";
export type { Jobs, JobDelivery, AgentJob, LeftJob, JobOutcome } from "./core/contracts/jobs.ts";
export { createSimpleSource } from "./kit/job-source/simple-source.ts";
export type { SimpleSourceOptions, SourceSlot, ClaimedJob } from "./kit/job-source/simple-source-options.ts";
export { announceDrain, type DrainAnnouncement } from "./kit/job-source/announce-drain.ts";
export { sendCallback } from "./agent/send-callback.ts";

// Admission: whether slots take jobs, and which jobs run
export type {
  Admission,
  AdmissionContext,
  AdmissionAnswer,
  Refusal,
  SlotAdmission,
  Pause,
} from "./core/contracts/admission.ts";
export type { JobPolicy, JobPolicyContext } from "./core/contracts/job-policy.ts";

// Checks: findings of `signalman doctor`
export type { Check, CheckContext, Finding } from "./core/contracts/check.ts";

// Status: the state of the agent and its slots
export type {
  AgentStatus,
  SlotStatus,
  SyncStatus,
  SyncOutcome,
  JobStatus,
  LogPosition,
  PluginStatus,
  HangingHook,
} from "./core/contracts/agent-status.ts";

// Job boards: the agents, jobs and logs of a hub or an agent, for what shows them
export type { JobBoard, JobBoardViewer, BoardActions, JobTimeline } from "./core/contracts/job-board.ts";
export type { BoardState, BoardAgent, BoardJob, BoardLog } from "./core/contracts/job-board.ts";

// Metrics: metrics of a plugin, and exporters of all metrics
export type {
  PluginMetrics,
  MetricOptions,
  Counter,
  Gauge,
  Histogram,
  HistogramOptions,
  LabelValues,
  PluginMetric,
  MetricDeclaration,
  MetricSeries,
} from "./core/contracts/metrics.ts";
export { createAgentMetrics } from "./kit/metrics/agent-metrics.ts";
export {
  type AgentMetric,
  hooksOf,
  measureEvent,
  measureStatus,
  type Measurement,
  type MetricLabels,
} from "./kit/metrics/metric.ts";

// Errors and deadlines: errors with a code, and waits that end
export { AgentError, type ErrorCode, type ErrorExplanation, isAgentError, toMessage } from "./core/errors.ts";
export { onAbort, untilAborted } from "./core/aborted.ts";
export { toDuration, waitAtMost, withDeadline } from "./core/host/deadline.ts";

// Programs and text: programs on this host, and their output as text
export { runProgram } from "./kit/run-program.ts";
export { type BoundedText, readOutput } from "./os/processes/program-output.ts";
export { createTextStart, type TextStart } from "./core/text/text-start.ts";
export { trimEnd } from "./core/text/trim-end.ts";
export { toPrintable } from "./core/text/printable.ts";
export { toSize } from "./core/text/amounts.ts";

// HTTP clients: bounded answers of other servers
export { boundedFetch, parseBoundedJson, readBody } from "./os/network/response-body.ts";
export { parseRetryAfter } from "./kit/http/retry-after.ts";

// Built-in plugins: what only the built-in plugins need; it may change with any version
export {
  decodePullCredentials,
  type PullCredentials,
  readPullCredentialKind,
  type RegistryLogin,
} from "./kit/registry-login/decode.ts";
export { type EcrLogin, getEcrLogin } from "./kit/registry-login/ecr.ts";
export { type PullLogs, pullLogs } from "./kit/pull-logs.ts";
export { seal, unseal } from "./kit/seal.ts";
export { isLoopbackName } from "./os/network/loopback.ts";
export { longestSocketPath } from "./os/network/socket-path.ts";
