import type { CleanUpContext, Executor, ExecutorContext } from "../../src/core/contracts/executor.ts";
import { createDummyExecutor, jobRequest, testExecutor } from "../../src/testing/index.ts";

const commands = {
  print: (text: string) => `print ${text}`,
  exit: (code: number) => `exit ${code}`,
  sleep: (seconds: number) => `sleep ${seconds}`,
};

testExecutor({
  name: "dummy",
  create: createDummyExecutor,
  createBroken: (context) =>
    createDummyExecutor({
      ...context,
      job: jobRequest({ commands: [{ directive: "fail start", alias: "" }] }),
    }),
  shell: false,
  commands,
});

/** An executor whose jobs have a container each, in memory. */
const containers = new Map<string, { readonly agentId: string; readonly jobId: string }>();

testExecutor({
  name: "dummy with containers",
  create: createWithContainer,
  shell: false,
  commands,
  cleanUp: {
    run: removeContainers,
    find: async (agentId, jobId) =>
      [...containers]
        .filter(([, container]) => container.agentId === agentId && container.jobId === jobId)
        .map(([name]) => name),
  },
});

function createWithContainer(context: ExecutorContext): Executor {
  const { agentId, job } = context;
  const name = crypto.randomUUID();
  const dummy = createDummyExecutor(context);
  return {
    ...dummy,
    async start(signal) {
      const code = await dummy.start(signal);
      if (code === 0) containers.set(name, { agentId, jobId: job.id });
      return code;
    },
    run: async (directive, output) => (containers.has(name) ? dummy.run(directive, output) : 1),
    async [Symbol.asyncDispose]() {
      await dummy[Symbol.asyncDispose]();
      containers.delete(name);
    },
  };
}

async function removeContainers({ agentId, jobId, runningJobs, signal }: CleanUpContext): Promise<void> {
  for (const [name, container] of containers) {
    signal.throwIfAborted();
    if (container.agentId !== agentId) continue;
    if (jobId === undefined ? runningJobs.includes(container.jobId) : container.jobId !== jobId) continue;
    containers.delete(name);
  }
}
