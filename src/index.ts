/**
 * The SDK: all that a plugin may import.
 *
 * @module signalman
 */
export * as v from "valibot";
export { type Command, type CommandLoader, defineCommand } from "./core/contracts/command.ts";
export { hasColour } from "./cli/output/colour.ts";
export { print, printJson, toJsonText } from "./cli/output/print.ts";
export { formatTable } from "./cli/output/columns.ts";
export type { Program } from "./core/contracts/command.ts";
export { readJobText } from "./cli/run/job-file.ts";
export { createRenderer } from "./cli/job-view/renderer.ts";
export type { AgentJob, JobDelivery, JobOutcome, Jobs, LeftJob } from "./core/contracts/jobs.ts";
export type {
  AgentStatus,
  HangingHook,
  JobStatus,
  LogPosition,
  PluginStatus,
  SlotStatus,
  SyncOutcome,
  SyncStatus,
} from "./core/contracts/agent-status.ts";
export type {
  Admission,
  AdmissionAnswer,
  AdmissionContext,
  Pause,
  Refusal,
  SlotAdmission,
} from "./core/contracts/admission.ts";
export type { JobPolicy, JobPolicyContext } from "./core/contracts/job-policy.ts";
export type { AgentSignals, JobSource, JobSourceContext } from "./core/contracts/job-source.ts";
export { announceDrain, type DrainAnnouncement } from "./kit/job-source/announce-drain.ts";
export { createSimpleSource } from "./kit/job-source/simple-source.ts";
export type { ClaimedJob, SimpleSourceOptions, SourceSlot } from "./kit/job-source/simple-source-options.ts";
export type { Check, CheckContext, Finding } from "./core/contracts/check.ts";
export { onAbort, untilAborted } from "./core/aborted.ts";
export { createOutageLog, type OutageLog } from "./agent/outage-log.ts";
export { sendCallback } from "./agent/send-callback.ts";
export { AgentError, type ErrorCode, isAgentError, toMessage } from "./core/errors.ts";
export type {
  CommandHookEvent,
  CommandPhase,
  Hook,
  HookDeclaration,
  HookEvents,
  HookName,
  JobHookEvent,
  JobSessionEvent,
  RunOptions,
} from "./core/contracts/hooks.ts";
export type { ImagePull, JobSummary } from "./core/contracts/job-summary.ts";
export type {
  CleanUpContext,
  Executor,
  ExecutorContext,
  ExecutorOptions,
  HostPath,
  JobLimits,
} from "./core/contracts/executor.ts";
export type {
  JobCommandAnswer,
  JobCommandContext,
  JobCommandEnd,
  JobCommandHandler,
  JobCommandMessage,
} from "./core/contracts/job-command.ts";
export type {
  LogFilter,
  LogFilterContext,
  LogFilterCounts,
  LogFilterFactory,
} from "./core/contracts/log-filter.ts";
export type { JobLog } from "./core/contracts/job-log.ts";
export type { JobUsage } from "./core/contracts/job-summary.ts";
export type {
  EnvironmentVariable,
  ImagePullCredentials,
  JobCommand,
  JobContainer,
  JobFile,
  JobRequest,
} from "./core/contracts/job-request.ts";
export { withoutSecrets } from "./job/base-environment.ts";
export { decodeBase64, encodeBase64 } from "./core/text/base64.ts";
export { readVariable } from "./kit/read-variable.ts";
export {
  decodePullCredentials,
  type PullCredentials,
  readPullCredentialKind,
  type RegistryLogin,
} from "./kit/registry-login/decode.ts";
export { type EcrLogin, getEcrLogin } from "./kit/registry-login/ecr.ts";
export { parseJobRequest, type ParsedJob, toJobRequest } from "./job/request/parse.ts";
export type { LogBackend, LogBackendContext, LogDelivery } from "./core/contracts/log-backend.ts";
export { findExecutor } from "./job/choose-executor.ts";
export { countUndelivered } from "./job/log/count-undelivered.ts";
export type { JobEvent, JobResult } from "./core/contracts/job-events.ts";
export { type PullLogs, pullLogs } from "./kit/pull-logs.ts";
export type { Output } from "./core/contracts/job-log.ts";
export type { LogSink, LogSinkContext } from "./core/contracts/log-sink.ts";
export { openSpool } from "./job/log/spool-reader.ts";
export type { NextOptions, SpoolBatch, SpoolCursor, SpoolReader } from "./core/contracts/spool.ts";
export type { LogFields, Logger } from "./core/contracts/logger.ts";
export {
  definePlugin,
  type Flags,
  type HookOptions,
  type Plugin,
  type PluginContext,
  type StatusOptions,
} from "./core/contracts/plugin.ts";
export type { ProcessRole } from "./core/contracts/host.ts";
export type { StopReason } from "./core/contracts/agent-status.ts";
export {
  admission,
  check,
  defineService,
  executor,
  executorWrapper,
  jobPolicy,
  jobSource,
  logBackend,
  logSink,
  type Service,
  jobCommand,
  logFilter,
} from "./core/contracts/services.ts";
export type { ExecutorFactory } from "./core/contracts/executor.ts";
export type { ExecutorWrapper } from "./core/contracts/executor-wrapper.ts";
export type { LogBackendFactory } from "./core/contracts/log-backend.ts";
export type { LogSinkFactory } from "./core/contracts/log-sink.ts";
export { seal, unseal } from "./kit/seal.ts";
export type { SlotState } from "./core/contracts/job-source.ts";
export type { StandardSchemaV1 } from "./core/contracts/standard-schema.ts";
export { type BoundedText, readOutput } from "./os/processes/program-output.ts";
export { createTextStart, type TextStart } from "./core/text/text-start.ts";
export { trimEnd } from "./core/text/trim-end.ts";
export { matchNames, secretNamePatterns } from "./core/text/secret-names.ts";
export { toJobSequence } from "./job/commands/job-sequences.ts";
export { askJob, type AskJobOptions } from "./kit/ask-job.ts";
export { bytes } from "./agent/options/amounts.ts";
export { milliseconds, seconds } from "./agent/options/amounts.ts";
export { version } from "./core/version.ts";
export type {
  Counter,
  Gauge,
  Histogram,
  HistogramOptions,
  LabelValues,
  MetricDeclaration,
  MetricOptions,
  MetricSeries,
  PluginMetric,
  PluginMetrics,
} from "./core/contracts/metrics.ts";
// For plugins that export metrics. Those of plugins are read with `ctx.metrics.read`.
export { createAgentMetrics } from "./kit/metrics/agent-metrics.ts";
export {
  type AgentMetric,
  hooksOf,
  type Measurement,
  measureEvent,
  measureStatus,
  type MetricLabels,
} from "./kit/metrics/metric.ts";
// For programs of the agent's own on this host.
export { runProgram } from "./kit/run-program.ts";
export { toDuration, waitAtMost, withDeadline } from "./core/host/deadline.ts";
export { isSecret, toPlain } from "./core/logger/line.ts";
export { toPrintable } from "./core/text/printable.ts";
export { toSize } from "./core/text/amounts.ts";

// For clients of HTTP. The server is in `signalman/http`, which an agent loads only when it serves.
export { parseRetryAfter } from "./kit/http/retry-after.ts";
export { boundedFetch, parseBoundedJson, readBody } from "./os/network/response-body.ts";
export { isLoopbackName } from "./os/network/loopback.ts";
export { longestSocketPath } from "./os/network/socket-path.ts";
