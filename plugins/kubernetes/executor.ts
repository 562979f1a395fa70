import { type Executor, type ExecutorContext, type Logger, onAbort, waitAtMost } from "signalman";
import {
  createSessionExecutor,
  toMemorySentence,
  type Explain,
  type Ending,
  logUnshownOutput,
} from "signalman/executor";
import { injectFiles } from "./inject-files.ts";
import { type JobPod, type JobPodOptions, openJobPod } from "./job-pod.ts";
import type { PodSession } from "./open-shell.ts";
import { toStep } from "./session/steps.ts";

/** Creates the executor of jobs in pods: one pod with one login bash (protocol section 6.4). */
export function createKubernetesExecutor(context: ExecutorContext, options: JobPodOptions): Executor {
  return createSessionExecutor<JobPod>(context, (resources) => ({
    exportOrder: "request",
    open: (opening) => openJobPod(context, options, { ...opening, resources }),
    async bring(pod, file, { source }) {
      const path = await pod.bring(file);
      const code = await source(path);
      pod.files.drop(path);
      return code;
    },
    inject: injectFiles,
    putAnswer: ({ files }, name, content) => files.write(name, Buffer.from(content).toString()),
    explain: explainEnd,
    beside: (pod, number) => pod.beside(number),
    async end(pod, ending) {
      if (pod) await endSession(pod, ending, context.logger);
    },
  }));
}

function explainEnd(pod: JobPod): Explain {
  return async ({ killed }) => {
    if (killed) return (await pod.findKill()) ? [toMemorySentence(killed)] : [];
    const why = pod.session.alive ? undefined : pod.endReason;
    return why === undefined ? [] : [why];
  };
}

/** Milliseconds to wait for the pod's report of the end, after the grace period. */
const reportMs = 5000;

/**
 * Ends all processes of a job in its pod: SIGTERM, and SIGKILL after the grace period. Resolves when the
 * session has ended or the pod does not report its end.
 */
async function endSession(pod: PodSession, { graceMs, now }: Ending, logger: Logger): Promise<void> {
  const { link, session } = pod;
  let endAt = Number.POSITIVE_INFINITY;
  const endWithin = (ms: number) => {
    endAt = Math.min(endAt, performance.now() + ms + reportMs);
    if (session.alive) link.send(toStep("end_job", ms, session.shellPid));
  };
  endWithin(graceMs);
  using _listener = onAbort(now, () => endWithin(0));
  while (session.alive && performance.now() < endAt) await waitAtMost(session.ended, 100);
  logUnshownOutput(session, logger);
  await pod[Symbol.asyncDispose]();
}
