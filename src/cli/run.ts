import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { AgentError } from "../core/errors.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import { toShortReport } from "../job/usage/report.ts";
import { selectCommands } from "../job/request/select.ts";
import type { JobResult } from "../core/contracts/job-events.ts";
import { runHere } from "../job/run-here.ts";
import { hasColour } from "./colour.ts";
import { defineCommand } from "../core/contracts/command.ts";
import { loadJob } from "./read-job.ts";
import { toSettings, toVariableOfJob } from "./settings.ts";
import { onSignals } from "./signals.ts";
import { viewJob } from "./view.ts";

const exitCodes: Readonly<Record<JobResult, number>> = { passed: 0, failed: 1, stopped: 130 };

export default defineCommand({
  meta: { name: "run", description: "run a job request from a file, and show its log" },
  args: {
    file: { type: "positional", description: "YAML or JSON file; - for standard input", required: true },
    json: { type: "boolean", description: "print the log's events as NDJSON" },
    executor: {
      type: "string",
      description: "run in this executor, whatever the job asks for",
      valueHint: "name",
    },
    env: {
      type: "string",
      list: true,
      description: "set a variable for the job; may be given more than once",
      valueHint: "NAME=value",
    },
    from: {
      type: "string",
      description: "begin with this command: its number or its text",
      valueHint: "command",
    },
    only: { type: "string", description: "run only this command, and no epilogue", valueHint: "command" },
    keep: { type: "string", description: "keep the log's events (NDJSON) in this file", valueHint: "file" },
    callbacks: { type: "boolean", description: "send the callbacks that the job names" },
  },
  async run({ args, program }) {
    if (args.keep !== undefined && existsSync(args.keep)) {
      throw new AgentError(
        "USAGE_INVALID",
        `"--keep" got "${args.keep}", which is there already (expected a new file)`,
      );
    }
    const { request: asked, ignored } = await loadJob(args.file);
    if (ignored.length > 0) program.logger.debug("ignored in the job request", { keys: ignored.join(" ") });
    const selected = selectCommands(asked, { from: args.from, only: args.only });
    const request: JobRequest = {
      ...selected,
      executor: args.executor ?? selected.executor,
      env: [...selected.env, ...args.env.map((text) => toVariableOfJob(text, "--env"))],
    };

    const controls = Promise.withResolvers<{ stop(): void; kill(): void }>();
    const leaving = new AbortController();
    let isRunning = false;
    let isOver = false;
    using _signals = onSignals(async (count) => {
      if (isOver) return leaving.abort();
      if (count > 1 && !isRunning) process.exit(exitCodes.stopped);
      const job = await controls.promise;
      if (count === 1) process.stderr.write("\nstopping the job; once more kills it\n");
      return count === 1 ? job.stop() : job.kill();
    });
    await using host = await program.openHost({
      roles: ["agent", "job"],
      onStop: () => void controls.promise.then((job) => job.stop()),
    });
    const tty = process.stdout.isTTY && args.json !== true;
    const summary = await runHere(request, {
      version: program.version,
      host,
      settings: toSettings(program, `run-${randomUUID()}`),
      logger: program.logger,
      onSecrets: (values) => program.logger.addSecrets(values),
      env: process.env,
      ...(args.keep === undefined ? {} : { spoolPath: args.keep }),
      view: (spool) =>
        viewJob({ spool, json: args.json === true, tty, colour: hasColour(tty), output: process.stdout }),
      onStart(job) {
        isRunning = true;
        controls.resolve(job);
      },
    });
    isOver = true;
    const used = args.json === true ? "" : toShortReport(summary.usage);
    if (used !== "") console.log(used);
    if (args.callbacks === true) {
      const { sendCallbacks } = await import("./callbacks.ts");
      await sendCallbacks(request.callbacks, summary.result, {
        logger: program.logger,
        signal: leaving.signal,
      });
    }
    process.exitCode = exitCodes[summary.result];
  },
});
