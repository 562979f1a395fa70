import { stdout } from "../../os/this-process/output.ts";
import { openJobLog } from "../../agent/job-log-reader.ts";
import { listJobs, type StoredJob } from "../../agent/kept-logs.ts";
import type { JobLogEnd } from "../../agent/log-watch.ts";
import { readCore } from "../../agent/options/read-core.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { SpoolReader } from "../../core/contracts/spool.ts";
import { AgentError } from "../../core/errors.ts";
import { toReport, toShortReport } from "../../job/usage/report.ts";
import { findChange } from "../../job/log/verify-spool.ts";
import { openSpool } from "../../job/log/spool-reader.ts";
import { findStateDirectory } from "../../os/state/directory.ts";
import { findEntry } from "../../os/state/file.ts";
import { formatTable } from "../output/columns.ts";
import { defineCommand, type Program } from "../../core/contracts/command.ts";
import { isTerminal } from "../output/terminal.ts";
import { viewJob } from "../job-view/view-job.ts";
import { print, printJson } from "../output/print.ts";

export default defineCommand({
  meta: { name: "logs", description: "list the job logs on this host, or show one" },
  group: "operate",
  examples: [
    { line: "signalman logs", purpose: "list the logs on this host" },
    { line: "signalman logs --last --follow", purpose: "follow the job that started last" },
    { line: "signalman logs 3f2a", purpose: "show a log by the first characters of the job's id" },
  ],
  listedOptions: ["config-file", "config-env", "state-dir"],
  configurationPlace: "host",
  log: "stderr",
  args: {
    job: {
      type: "positional",
      description: "id of the job, or the first characters of it; or the path of a log, with a slash",
      required: false,
      completes: "job",
    },
    last: { type: "boolean", description: "show the log of the job that started last" },
    follow: { type: "boolean", description: "show the log until its end, while the job runs" },
    json: { type: "boolean", description: "print NDJSON: the events of the log, or one object for each log" },
  },
  async run({ args, program }) {
    const core = readCore(program);
    const place = findStateDirectory({ directory: core["state-dir"], env: process.env });
    const { job: wanted, last = false, follow = false, json = false } = args;
    if (last && wanted !== undefined)
      throw new AgentError(
        "USAGE_INVALID",
        `job "${wanted}" and --last exclude each other: give one of them`,
      );
    if (follow && !last && wanted === undefined)
      throw new AgentError("USAGE_INVALID", "--follow needs the id of a job, or --last");
    if (wanted?.includes("/") === true) return showFile(wanted, { follow, json });
    const jobs = listJobs({ stateDirectory: place });
    if (wanted === undefined && !last) return list(jobs, place, json);
    const job = findJob(jobs, wanted, place);
    if (follow) await followLog(job, { place, json, program });
    else await showLog(job, { json, program });
  },
});

/** Shows a log that `run` has kept. */
async function showFile(
  file: string,
  { follow, json }: { readonly follow: boolean; readonly json: boolean },
): Promise<void> {
  if (follow) throw new AgentError("USAGE_INVALID", "--follow needs the id of a job, and not a file");
  if (!findEntry(file)) throw new AgentError("USAGE_INVALID", `log file "${file}" not found`);
  using reader = openSpool(file);
  await view(reader, json);
}

interface ShowOptions {
  readonly json: boolean;
  readonly program: Program;
}

async function showLog({ spool, summary }: StoredJob, { json, program }: ShowOptions): Promise<void> {
  warnOfChange(summary && (await findChange(spool, summary.log)), spool, program);
  using reader = openSpool(spool);
  await view(reader, json);
  showUsage(summary, json);
}

/** Shows a log until its end, or until Ctrl-C (exit status 130). */
async function followLog(
  { id, spool }: StoredJob,
  { place, json, program }: ShowOptions & { readonly place: string },
): Promise<void> {
  const interrupted = new AbortController();
  // The second one ends the process.
  process.once("SIGINT", () => interrupted.abort());
  const { signal } = interrupted;
  try {
    using log = await openJobLog(id, { stateDirectory: place, signal });
    await view(log, json, signal);
    if (!log.end) return;
    if (log.end.reason === "finished") {
      warnOfChange(log.end.change, spool, program);
      showUsage(log.end.summary, json);
    } else program.logger.warn(endings[log.end.reason], { job: id, spool });
    if (log.end.reason === "removed") process.exitCode = 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    // The job's colours end here.
    if (isTerminal(stdout()) && !json) print("\u001b[0m");
    process.exitCode = 130;
  }
}

const endings: Readonly<Record<Exclude<JobLogEnd["reason"], "finished">, string>> = {
  died: "the job's process is dead, and no agent has closed its log",
  incomplete: "the job is over, and its result is not on this host",
  removed: "the job's log was removed before its end was read",
};

async function view(spool: SpoolReader, json: boolean, signal?: AbortSignal): Promise<void> {
  await viewJob({ spool, json, output: stdout(), ...(signal && { signal }) });
}

function showUsage(summary: JobSummary | undefined, json: boolean): void {
  if (summary?.usage && !json) print(toReport(summary).join("\n"));
}

function warnOfChange(change: string | undefined, spool: string, { logger }: Program): void {
  if (change !== undefined) logger.warn(`another process changed this log: ${change}`, { spool });
}

function list(jobs: readonly StoredJob[], place: string, json: boolean): void {
  const rows = jobs.map(({ id, slot, state, startedAt, summary, bytes, changedAt, isReported }) => ({
    job: id,
    slot,
    result: summary?.result ?? (state === "running" ? "running" : "unknown"),
    changed: summary !== undefined && summary.log.bytes !== bytes,
    startedAt: startedAt === undefined ? undefined : new Date(startedAt).toISOString(),
    date: new Date(changedAt).toISOString(),
    bytes,
    reported: isReported,
    durationMs: summary && Math.round(summary.durationMs),
    usage: summary?.usage,
  }));
  if (json) {
    for (const row of rows) printJson(row);
  } else if (rows.length === 0) {
    print(`no job logs in the state directory ${place} (--state-dir selects another)`);
  } else {
    const cells = rows.map((row) => [
      row.job,
      row.result,
      row.date,
      `${row.bytes} bytes`,
      toShortReport(row.usage),
      [row.reported ? "" : "not reported yet", row.changed ? "changed by another process" : ""]
        .filter((remark) => remark !== "")
        .join(", "),
    ]);
    print(formatTable([["job", "result", "last event", "size", "used", ""], ...cells]).join("\n"));
  }
}

/** Finds a job by the beginning of its id. Without one it is the job that started last. */
function findJob(jobs: readonly StoredJob[], wanted: string | undefined, place: string): StoredJob {
  const found = jobs.filter(({ id }) => id.startsWith(wanted ?? ""));
  const only = wanted === undefined || found.length === 1 ? found[0] : undefined;
  const job = found.find(({ id }) => id === wanted) ?? only;
  if (job) return job;
  const known = (found.length > 0 ? found : jobs).slice(0, 10).map(({ id }) => id);
  const what = found.length > 0 ? "more than one job begins with" : "no log of a job";
  const name = wanted === undefined ? "" : ` "${wanted}"`;
  throw new AgentError("USAGE_INVALID", `${what}${name} in ${place} (known: ${known.join(", ") || "none"})`);
}
