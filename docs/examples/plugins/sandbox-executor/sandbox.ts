import type { Executor, ExecutorContext } from "signalman";
import { createJobProcesses, createSessionExecutor } from "signalman/executor";
import type { SandboxConfig } from "./config.ts";
import { endSandbox } from "./end-sandbox.ts";
import { injectFiles } from "./inject-file.ts";
import { openSandbox, type Sandbox } from "./open-sandbox.ts";
import { createSideShell } from "./side-shell.ts";

/** Runs a job in one login bash in a bubblewrap sandbox, with its own home and /tmp. */
export function createSandboxExecutor(context: ExecutorContext, config: SandboxConfig): Executor {
  const { cookie, logger } = context;
  return createSessionExecutor<Sandbox>(context, (resources) => {
    const processes = resources.use(createJobProcesses({ cookie }));
    return {
      open: ({ signal }) => openSandbox({ context, config, processes, resources }, signal),
      async bring({ workspace }, file, { source }) {
        const path = workspace.put("environment", file);
        try {
          return await source(path);
        } finally {
          workspace.remove("environment");
        }
      },
      inject: injectFiles,
      beside: (sandbox, number) => createSideShell(sandbox, { context, config, processes, number }),
      end: (sandbox, ending) => endSandbox({ ...ending, sandbox, processes, logger }),
    };
  });
}
