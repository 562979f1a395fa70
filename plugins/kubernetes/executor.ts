import type { Executor, ExecutorContext } from "signalman";
import { createSessionExecutor, toMemorySentence, type Explain } from "signalman/executor";
import { endSession } from "./end-session.ts";
import { injectFiles } from "./inject-files.ts";
import { type JobPod, type JobPodOptions, openJobPod } from "./job-pod.ts";

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
    explain: explainEnd,
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
