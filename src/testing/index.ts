/**
 * Fixtures, contract suites and the built-in plugins, for the tests of plugins with `bun test`.
 *
 * @module signalman/testing
 */
export { builtIn } from "./built-in.ts";
export { createDummyExecutor, dummyExecutor } from "./dummy-executor.ts";
export { createDummyLogBackend, type DummyLogBackend } from "./dummy-log-backend.ts";
export { testExecutor } from "./executor/index.ts";
export type { CleanUpSubject, CommandWords, ExecutorSubject } from "./executor/subject.ts";
export {
  environmentVariable,
  executorContext,
  jobCommandContext,
  jobRequest,
  type TemporaryDirectory,
  tmpdir,
} from "./fixtures.ts";
export {
  type JobSourceSubject,
  type ReportedResult,
  type TestControlPlane,
  testJobSource,
} from "./job-source/index.ts";
export {
  createDummyJobs,
  type DummyJob,
  type DummyJobs,
  type DummyJobsOptions,
} from "./job-source/dummy-jobs.ts";
export {
  createDummyAdmission,
  createDummySignals,
  createDummyState,
  type DummyAdmission,
  type DummySignals,
} from "./job-source/dummy-slot.ts";
export { createJobExecutor } from "./job-executor.ts";
export { createRecordingJobLog, type LogBlock, type RecordingJobLog } from "./job-log.ts";
export { createRecordingLogger, type LogEntry, type RecordingLogger, silentLogger } from "./loggers.ts";
export { createJobSpool, jobEvents, type JobSpool, toEvents } from "./job-spool.ts";
export { type LogBackendPlace, type LogBackendSubject, testLogBackend } from "./log-backend/index.ts";
export { type PluginUnderTest, testPlugin, type TestPluginOptions } from "./test-plugin.ts";
