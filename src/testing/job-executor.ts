import type { Executor, ExecutorContext } from "../core/contracts/executor.ts";
import { executor } from "../core/contracts/services.ts";
import { createWrappedExecutor } from "../job/wrapped-executor.ts";
import type { PluginUnderTest } from "./test-plugin.ts";

/** Creates the executor of a job as the agent does, behind the executor wrappers of all plugins of `t`. */
export function createJobExecutor(
  t: Pick<PluginUnderTest, "use" | "all">,
  name: string,
  context: ExecutorContext,
): Executor {
  return createWrappedExecutor({ name, factory: t.use(executor, name) }, context, { host: t });
}
