import { batchLimit, parseStartFrom, type Push } from "../model/log-ingest.ts";
import { readLines, toBatch, toLines } from "../model/log-list.ts";
import { type HubState, logOf } from "../model/state.ts";
import type { Rule } from "./violations.ts";

/** Checks the size and the position of a push. Returns whether it changes accepted events. */
export function checkPush(
  state: HubState,
  { jobId, startFrom, body }: Push,
  report: (rule: Rule, detail: string) => void,
): boolean {
  const log = logOf(state, jobId);
  const from = parseStartFrom(startFrom);
  const batch = toBatch(body);
  if (batch.count > batchLimit) report("push-size", `${batch.count} events`);
  if (from === undefined || batch.count === 0) return false;
  const job = state.jobs.get(jobId);
  // The agent may not know that its job was failed.
  if (job?.isGivenUp === true) return false;
  if (job?.tornDownAt !== undefined) report("push-after-end", `start_from ${from}`);
  else if (log.isTrimmed) report("push-after-trim", `start_from ${from}`);
  else if (from > log.live.length) report("push-gap", `start_from ${from} after ${log.live.length} events`);
  else if (from < log.lastFrom) report("push-back", `start_from ${from}, last batch from ${log.lastFrom}`);
  const accepted = readLines(log.live, from, batch.count);
  const changed = toLines(batch).findIndex(
    (line, index) => index < accepted.length && line !== accepted[index],
  );
  if (changed === -1 || log.isTrimmed) return false;
  report("push-rewrite", `event ${from + changed}`);
  return true;
}
