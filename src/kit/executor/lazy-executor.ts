import type { Executor } from "../../core/contracts/executor.ts";
import { AgentError } from "../../core/errors.ts";

/**
 * Returns an executor whose code is loaded with its first call: an agent, and a job of another executor,
 * never need it. Calls reach the loaded executor in their order; a failure to load it is that of `start`.
 */
export function createLazyExecutor(load: () => Promise<Executor>): Executor {
  let loading: Promise<Executor> | undefined;
  const loaded = () => (loading ??= load());
  const started = () => loading?.catch(() => undefined);
  return {
    start: async (signal) => (await loaded()).start(signal),
    exportEnvironment: async (env, output, options) =>
      (await loaded()).exportEnvironment(env, output, options),
    injectFiles: async (files, output) => (await loaded()).injectFiles(files, output),
    run: async (directive, output, options) => (await loaded()).run(directive, output, options),
    stop: async (graceMs) => (await loaded()).stop(graceMs),
    async putAnswer(name, content) {
      const executor = await started();
      if (executor?.putAnswer === undefined) throw new Error("the executor puts no answers");
      await executor.putAnswer(name, content);
    },
    async openSession(options) {
      const executor = await started();
      if (executor?.openSession) return executor.openSession(options);
      throw new AgentError(
        "SESSION_FAILED",
        "the job has no session beside which another one could be opened",
      );
    },
    usage: async () => (await (await started())?.usage?.()) ?? {},
    [Symbol.asyncDispose]: async () => (await started())?.[Symbol.asyncDispose](),
  };
}
