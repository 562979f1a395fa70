import { hostname } from "node:os";
import type { StopReason } from "../../core/contracts/agent-status.ts";
import type { JobSourceContext } from "../../core/contracts/job-source.ts";
import { untilAborted } from "../../core/aborted.ts";
import { AgentError, isAgentError, toMessage } from "../../core/errors.ts";
import { announceDrain } from "./announce-drain.ts";
import { createPause } from "./pause.ts";
import { finishJob, startJob } from "./simple-job.ts";
import type { ClaimedJob, SimpleRun, SimpleSourceOptions } from "./simple-source-options.ts";

/** Polls a queue for one slot, until the slot ends. Resolves to the reason. */
export async function runSimpleSource(
  options: SimpleSourceOptions,
  context: JobSourceContext,
): Promise<StopReason> {
  const { slot, jobs, signals, admission } = context;
  using drain = announceDrain(context);
  const owner = findOwner(context);
  const run = { context, options, slot: { owner, slot, signal: drain.signal } };
  await open(options);
  await context.registered(`${hostname()}-${slot}`, options.identity);

  // 1. Jobs that an earlier process left.
  for (const left of jobs.left) {
    if (!signals.handOver.aborted) await finishJob(left, run);
  }

  // 2. One job after another. One that is claimed runs, also when the operator has ended the slot meanwhile.
  const claim = createClaim(run);
  const pause = createPause(options.pollMs);
  for (;;) {
    await admission.admitted(drain.signal);
    if (drain.signal.aborted) break;
    const claimed = await claim();
    if (signals.handOver.aborted) break;
    if (claimed === "failed") await pause.grow(drain.signal);
    else if (claimed) await startJob(claimed, run);
    else await pause.reset(drain.signal);
  }
  return await drain.end();
}

function findOwner({ state }: JobSourceContext): string {
  const known = state.get<{ readonly id: string }>("owner");
  if (known) return known.id;
  const id = crypto.randomUUID();
  state.put("owner", { id });
  return id;
}

async function open(options: SimpleSourceOptions): Promise<void> {
  try {
    await options.open?.();
  } catch (cause) {
    if (isAgentError(cause)) throw cause;
    const message = `job source "${options.identity}" cannot be opened: ${toMessage(cause)}`;
    throw new AgentError("CONTROL_PLANE_FAILED", message, { cause });
  }
}

/** Returns a function that claims a job and reports the call as a sync. An outage is logged once, and its end. */
function createClaim({
  context,
  options,
  slot,
}: SimpleRun): () => Promise<ClaimedJob | "failed" | undefined> {
  const { logger, signals, synced } = context;
  let isFailing = false;
  return async () => {
    const startedAt = performance.now();
    const toDuration = () => performance.now() - startedAt;
    try {
      const claimed = await untilAborted(signals.handOver, Promise.resolve(options.claim(slot)));
      if (isFailing) logger.info("jobs can be claimed again");
      isFailing = false;
      synced({ durationMs: toDuration() });
      return claimed ?? undefined;
    } catch (error) {
      logger[isFailing ? "debug" : "error"](`no job can be claimed: ${toMessage(error)}`);
      isFailing = true;
      synced({ durationMs: toDuration(), error: toMessage(error) });
      return "failed";
    }
  };
}
