import type { Executor, ExecutorContext } from "signalman";
import { createSessionExecutor } from "signalman/executor";
import type { DockerConfig } from "./config.ts";
import { openJob } from "./open-job.ts";
import { privateDirectory } from "./containers/spec.ts";
import { endJob } from "./session/end-job.ts";
import { explainEnd } from "./session/explain.ts";
import { injectFiles } from "./session/inject-file.ts";
import { createSideShell } from "./session/side-shell.ts";
import { withSecretFile } from "./session/secret-file.ts";
import type { DockerJob } from "./docker-job.ts";

/**
 * Creates the executor of jobs in containers: the first one has the shell, the others are services (protocol
 * section 6.3).
 */
export function createDockerExecutor(context: ExecutorContext, options: DockerConfig): Executor {
  return createSessionExecutor<DockerJob>(context, (resources) => ({
    open: (opening) => openJob({ context, options, resources, ...opening }),
    bring: ({ keepers }, file, { source }) =>
      withSecretFile(keepers.put, async ({ write }) => source(await write(file))),
    inject: ({ session, keepers: { put } }, files, output) => injectFiles(files, { session, put, output }),
    putAnswer: ({ keepers }, name, content) => keepers.put(`${privateDirectory}/${name}`, content),
    explain: explainEnd,
    beside: (job, number) => createSideShell(job, { context, number }),
    async end(job, ending) {
      if (job?.session.alive) await endJob(job, ending, context.logger);
    },
  }));
}
