/**
 * Fixtures, contract suites and the built-in plugins, for the tests of plugins with `bun test`.
 *
 * A comment between the exports begins a page of `docs/sdk`: its title, and the question that it answers.
 *
 * @module signalman/testing
 */

// Tests of plugins: a plugin in a real host, and fixtures of its events
export { testPlugin, type TestPluginOptions, type PluginUnderTest } from "./test-plugin.ts";
export type { SetVariable } from "./hook-events.ts";
export { builtIn } from "./built-in.ts";
export {
  jobRequest,
  environmentVariable,
  executorContext,
  jobCommandContext,
  tmpdir,
  type TemporaryDirectory,
} from "./fixtures.ts";
export { createRecordingLogger, type LogEntry, type RecordingLogger, silentLogger } from "./loggers.ts";
export { createRecordingJobLog, type LogBlock, type RecordingJobLog } from "./job-log.ts";
export { createJobSpool, jobEvents, type JobSpool, toEvents } from "./job-spool.ts";

// Contract suites: executors, log backends and job sources under test
export { testExecutor } from "./executor/index.ts";
export type { ExecutorSubject, CommandWords, CleanUpSubject } from "./executor/subject.ts";
export { createJobExecutor } from "./job-executor.ts";
export { testLogBackend, type LogBackendSubject, type LogBackendPlace } from "./log-backend/index.ts";
export {
  testJobSource,
  type JobSourceSubject,
  type TestControlPlane,
  type ReportedResult,
} from "./job-source/index.ts";

// Test doubles: executors, log backends, slots and jobs of tests
export { createDummyExecutor, dummyExecutor } from "./dummy-executor.ts";
export { createDummyLogBackend, type DummyLogBackend } from "./dummy-log-backend.ts";
export {
  createDummyJobs,
  type DummyJobsOptions,
  type DummyJobs,
  type DummyJob,
} from "./job-source/dummy-jobs.ts";
export {
  createDummyAdmission,
  createDummySignals,
  createDummyState,
  type DummyAdmission,
  type DummySignals,
} from "./job-source/dummy-slot.ts";
