import { existsSync } from "node:fs";
import { type CleanUpContext, toMessage, untilAborted } from "signalman";
import type { DockerConfig } from "./config.ts";
import { removeCgroups } from "./cgroup/job-cgroup.ts";
import { labels, readCgroupName, toEngineName } from "./containers/job-names.ts";
import { removeAll } from "./containers/remove.ts";
import { findEndpoint } from "./engine/endpoint.ts";
import { connectEngine } from "./engine/engine.ts";

/**
 * Removes the containers, networks and cgroups of one dead job, or those of all jobs of this agent that do
 * not run. Objects are selected by the agent's label. Does nothing on a host without an engine.
 */
export async function cleanUpContainers(
  context: CleanUpContext,
  options: Pick<DockerConfig, "engine-timeout">,
): Promise<void> {
  const { agentId, jobId, logger, signal } = context;
  const agent = `${labels.agent}=${agentId}`;
  const work = async () => {
    const endpoint = findEndpoint(process.env);
    if (endpoint.socketPath !== undefined && !existsSync(endpoint.socketPath)) return;
    const engine = await connectEngine(endpoint, { timeoutMs: options["engine-timeout"] * 1000 });
    const removed = await removeAll(engine, {
      labels: jobId === undefined ? [agent] : [agent, `${labels.job}=${jobId}`],
      // Read for each object: a job may have started since the call.
      isKept: ({ [labels.job]: job = "" }) => jobId === undefined && context.runningJobs.includes(job),
      logger,
    });
    await removeCgroups((name) => {
      const job = readCgroupName(name, agentId);
      if (job === undefined) return false;
      return jobId === undefined
        ? !context.runningJobs.map(toEngineName).includes(job)
        : job === toEngineName(jobId);
    }, logger);
    if (removed > 0) {
      const owner = jobId === undefined ? "earlier jobs" : `job "${jobId}"`;
      logger.info(`removed containers and networks of ${owner}`, { count: removed });
    }
  };
  try {
    await untilAborted(signal, work());
  } catch (error) {
    logger.warn(`could not remove containers of earlier jobs: ${toMessage(error)}`);
  }
}
