import { existsSync } from "node:fs";
import { type CleanUpContext, toMessage, untilAborted } from "signalman";
import type { DockerConfig } from "./config.ts";
import { removeCgroups } from "./cgroup/job-cgroup.ts";
import { labels, readCgroupName, toName } from "./containers/place.ts";
import { removeAll } from "./containers/remove.ts";
import { findEndpoint } from "./engine/endpoint.ts";
import { connectEngine } from "./engine/engine.ts";

/**
 * Removes the containers and networks that a dead job has left, or all jobs of this agent but those that still run. What the agent has made is known by its
 * label, and nothing else is touched. On a host without an engine there is nothing to do.
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
      // Looked up only now: a job may have started since.
      isKept: ({ [labels.job]: job = "" }) => jobId === undefined && context.runningJobs.includes(job),
      logger,
    });
    await removeCgroups((name) => {
      const job = readCgroupName(name, agentId);
      if (job === undefined) return false;
      return jobId === undefined ? !context.runningJobs.map(toName).includes(job) : job === toName(jobId);
    }, logger);
    if (removed > 0) {
      const whose = jobId === undefined ? "earlier jobs" : `job "${jobId}"`;
      logger.info(`removed containers and networks that ${whose} left`, { count: removed });
    }
  };
  try {
    await untilAborted(signal, work());
  } catch (error) {
    logger.warn(`containers of earlier jobs may be left: ${toMessage(error)}`);
  }
}
