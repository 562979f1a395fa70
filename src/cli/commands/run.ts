import { type CommandValues, defineCommand, type Program } from "../../core/contracts/command.ts";
import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { JobResult } from "../../core/contracts/job-events.ts";
import { readCore } from "../../agent/options/read-core.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import { selectCommands } from "../../job/request/select.ts";
import { runHere } from "../../agent/run-here.ts";
import { toShortReport } from "../../job/usage/report.ts";
import { assertClosedHome } from "../../os/users/job-home.ts";
import { stderr, stdout } from "../../os/this-process/output.ts";
import { startLoopWatch } from "../../os/this-process/watchdog/loop-watch.ts";
import { createExecutorProgress } from "../job-view/progress.ts";
import { viewJob } from "../job-view/view-job.ts";
import { openStatusLine } from "../output/status-line.ts";
import { isInteractive } from "../output/terminal.ts";
import { openKeptLog } from "../run/kept-log.ts";
import { loadJob } from "../run/job-file.ts";
import { listenForStop } from "../run/stop-signals.ts";
import { toSettings, toVariableOfJob } from "../../agent/job-settings.ts";
import { findJobUsers } from "../../agent/job-user.ts";
import { print } from "../output/print.ts";

const exitStatus: Readonly<Record<JobResult, number>> = { passed: 0, failed: 1, stopped: 130 };

const args = {
  file: {
    type: "positional",
    description: "job file (YAML or JSON); - for standard input",
    required: true,
    completes: "file",
  },
  json: { type: "boolean", description: "print the events of the log as NDJSON" },
  executor: {
    type: "string",
    description: "run the job in this executor instead of the one that it requests",
    valueHint: "name",
    completes: "executor",
  },
  env: {
    type: "string",
    list: true,
    description: "set a variable for the job; may be given more than once",
    valueHint: "NAME=value",
  },
  from: {
    type: "string",
    description: "start with this command: its number or its text",
    valueHint: "command",
  },
  only: { type: "string", description: "run only this command, without epilogues", valueHint: "command" },
  keep: {
    type: "string",
    description: "write the events of the log to this new file (NDJSON)",
    valueHint: "file",
  },
  fold: {
    type: "boolean",
    description: "show passed commands on one line; the whole log is kept in a file",
  },
  summary: {
    type: "boolean",
    description: "end with a table of the commands (default: a long job, on a terminal)",
  },
  callbacks: { type: "boolean", description: "send the callbacks that the job declares" },
} as const;

export default defineCommand({
  meta: { name: "run", description: "run a job from a file and show its log" },
  group: "run",
  examples: [
    { line: "signalman run job.yaml", purpose: "run a job and show its log" },
    { line: "signalman run job.yaml --from 3", purpose: "start with its third command" },
    {
      line: "signalman run job.yaml --executor dockercompose --env DEBUG=1",
      purpose: "run it in another executor, with a variable",
    },
    { line: "signalman run - --json < job.yaml", purpose: "read it from standard input, print events" },
  ],
  listedOptions: [
    "config-file",
    "shell-user",
    "job-memory",
    "pre-job-hook-path",
    "redacted-vars",
    "log-level",
  ],
  namesOptions: true,
  args,
  // Nothing of the job has run.
  initialStatus: 2,
  reservesStdout: true,
  async run({ args: given, program }) {
    process.exitCode = exitStatus[await runJob(given, program)];
  },
});

async function runJob(given: CommandValues<typeof args>, program: Program): Promise<JobResult> {
  const json = given.json === true;
  const fold = given.fold === true && !json;
  using kept = openKeptLog(given.keep, fold);
  const request = await loadRequest(given, program);
  const [user] = findJobUsers(readCore(program), 1) ?? [];
  if (user) assertClosedHome(user);
  using signals = listenForStop({ stoppedStatus: exitStatus.stopped });
  // Only plugins from outside can make the event loop stand still.
  const isWatched = program.plugins.some(({ origin }) => origin.kind !== "built-in");
  using watch = isWatched
    ? startLoopWatch({ limitMs: 1000, mode: "interrupted", logger: program.logger })
    : undefined;
  using statusLine = openStatusLine({ quietMs: fold ? 0 : 2000 });
  statusLine.show("setting up the plugins");
  await using host = await program.openHost({
    roles: ["agent", "job"],
    onStop: (reason, plugin) =>
      signals.stop({ by: "plugin", reason: `plugin "${plugin}" has requested a stop (${reason})` }),
    onListener: watch?.enter,
  });
  const executorProgress = createExecutorProgress();
  const progress = () =>
    executorProgress.read() ?? (host.hanging().map(toHangingHook).join(", ") || undefined);
  const summary = await runHere(request, {
    version: program.version,
    host,
    settings: { ...toSettings(program, `run-${crypto.randomUUID()}`), ...(user && { user }) },
    logger: program.logger,
    onSecrets: (values) => program.logger.addSecrets(values),
    env: process.env,
    ...(kept.path === undefined ? {} : { spoolPath: kept.path }),
    view: (spool) =>
      viewJob({ spool, json, fold, summary: toTable(given), output: stdout(), statusLine, progress }),
    showProgress: executorProgress.show,
    onStart: signals.onStart,
    onStarted: () => void (process.exitCode = exitStatus.failed),
  });
  signals.onEnd();
  statusLine.show("ending the plugins", { progress });
  const used = json ? "" : toShortReport(summary.usage);
  if (used !== "") print(used);
  if (fold) print(`the whole log: signalman logs ${kept.path}`, stderr());
  if (given.callbacks === true) {
    const { sendCallbacks } = await import("../run/callbacks.ts");
    const { logger } = program;
    await sendCallbacks(request.callbacks, summary.result, { logger, signal: signals.afterJob });
  }
  return summary.result;
}

function toHangingHook({ plugin, hook }: HangingHook): string {
  return `plugin ${plugin} has not returned from ${hook}`;
}

function toTable(given: CommandValues<typeof args>): "always" | "long" | "never" {
  if (given.summary !== undefined) return given.summary ? "always" : "never";
  return isInteractive(stdout()) ? "long" : "never";
}

/** Reads the job file and applies the arguments that change the job. */
async function loadRequest(given: CommandValues<typeof args>, program: Program): Promise<JobRequest> {
  const { request, ignored } = await loadJob(given.file);
  if (ignored.length > 0) program.logger.debug("ignored keys of the job file", { keys: ignored.join(" ") });
  const selected = selectCommands(request, { from: given.from, only: given.only });
  return {
    ...selected,
    executor: given.executor ?? selected.executor,
    env: [...selected.env, ...given.env.map((text) => toVariableOfJob(text, "--env"))],
  };
}
