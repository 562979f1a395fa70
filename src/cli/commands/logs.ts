import { type KeptLog, listKeptLogs } from "../../agent/kept-logs.ts";
import { readCore } from "../../agent/options/read-core.ts";
import { AgentError } from "../../core/errors.ts";
import { toReport, toShortReport } from "../../job/usage/report.ts";
import { findChange } from "../../job/log/verify-spool.ts";
import { openSpool } from "../../job/log/spool-reader.ts";
import { findStateDirectory } from "../../os/state/directory.ts";
import { formatTable } from "../output/columns.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { hasColour } from "../output/colour.ts";
import { viewJob } from "../job-view/view-job.ts";
import { print, printJson } from "../output/print.ts";

export default defineCommand({
  meta: { name: "logs", description: "list the job logs on this host, or show one" },
  listedOptions: ["config-file", "config-env", "state-dir"],
  configurationPlace: "host",
  log: "stderr",
  args: {
    job: { type: "positional", description: "id of the job, or the first characters of it", required: false },
    json: { type: "boolean", description: "print NDJSON: the events of the log, or one object for each log" },
  },
  async run({ args, program }) {
    const core = readCore(program);
    const place = findStateDirectory({ directory: core["state-dir"], env: process.env });
    const logs = listKeptLogs(place);
    if (args.job === undefined) return list(logs, place, args.json === true);
    const { spool, summary } = findLog(logs, args.job, place);
    const change = summary && (await findChange(spool, summary.log));
    if (change !== undefined) program.logger.warn(`another process changed this log: ${change}`, { spool });
    using reader = openSpool(spool);
    const tty = process.stdout.isTTY && args.json !== true;
    await viewJob({
      spool: reader,
      json: args.json === true,
      tty,
      colour: hasColour(tty),
      output: process.stdout,
    });
    if (summary?.usage && args.json !== true) print(toReport(summary).join("\n"));
  },
});

function list(logs: readonly KeptLog[], place: string, json: boolean): void {
  const rows = logs.map(({ jobId, result = "running", summary, bytes, date, isReleased }) => ({
    job: jobId,
    result,
    changed: summary !== undefined && summary.log.bytes !== bytes,
    date: date.toISOString(),
    bytes,
    reported: isReleased,
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

function findLog(logs: readonly KeptLog[], wanted: string, place: string): KeptLog {
  const found = logs.filter(({ jobId }) => jobId === wanted || jobId.startsWith(wanted));
  const exact = found.find(({ jobId }) => jobId === wanted);
  const [first, second] = exact ? [exact] : found;
  if (first && !second) return first;
  const known = (first ? found : logs).slice(0, 10).map(({ jobId }) => jobId);
  throw new AgentError(
    "USAGE_INVALID",
    `${first ? "more than one job begins with" : "no log of a job"} "${wanted}" in ${place} (known: ${known.join(", ") || "none"})`,
  );
}
