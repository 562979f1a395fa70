import { statfs } from "node:fs/promises";
import { existsSync } from "node:fs";
import { type CheckContext, type Finding, toMessage } from "signalman";
import { labels } from "../containers/job-names.ts";
import { findEndpoint } from "../engine/endpoint.ts";
import { connectEngine, type Engine } from "../engine/engine.ts";

/**
 * Checks the Docker engine: its version, the agent's access, the free disk space, and containers of ended
 * jobs.
 */
export async function checkEngine({ env }: Pick<CheckContext, "env">): Promise<Finding[]> {
  try {
    const endpoint = findEndpoint(env);
    const isConfigured = !!env["DOCKER_HOST"] || !!env["DOCKER_CONTEXT"];
    if (!isConfigured && endpoint.socketPath !== undefined && !existsSync(endpoint.socketPath))
      return [{ level: "ok", title: `no Docker engine at "${endpoint.host}": jobs in containers fail` }];
    const engine = await connectEngine(endpoint, { timeoutMs });
    const title = `Docker engine ${engine.version} at "${endpoint.host}"`;
    return [{ level: "ok", title }, ...(await checkDiskSpace(engine)), ...(await findOldContainers(engine))];
  } catch (error) {
    const remedy =
      "start the engine, or set DOCKER_HOST; the agent's user must be allowed to open its socket";
    return [{ level: "error", title: "jobs in containers fail", detail: toMessage(error), remedy }];
  }
}

const timeoutMs = 8000;
const neededBytes = 5e9;

/** Checks the disk of an engine on this host. */
async function checkDiskSpace({ docker, endpoint, call }: Engine): Promise<Finding[]> {
  if (endpoint.socketPath === undefined) return [];
  const { DockerRootDir: directory } = (await call("read the engine's information", docker.info())) as {
    DockerRootDir?: string;
  };
  const space = directory && (await statfs(directory).catch(() => undefined));
  if (!space) return [];
  const free = space.bavail * space.bsize;
  const amount = `${(free / 1e9).toFixed(1)} GB free for images in "${directory}"`;
  if (free >= neededBytes) return [{ level: "ok", title: amount }];
  const remedy = "free disk space: run `docker image prune --all`, or set docker-image-min-free-disk";
  return [{ level: "warning", title: amount, remedy }];
}

async function findOldContainers({ docker, call }: Engine): Promise<Finding[]> {
  const filters = { label: [labels.agent], status: ["exited", "created", "dead"] };
  const stopped = await call("list containers", docker.listContainers({ all: true, filters }));
  if (stopped.length === 0) return [];
  return [
    {
      level: "warning",
      title: `${stopped.length} stopped containers of earlier jobs exist`,
      remedy: `an agent removes its own containers when it starts; remove those of other agents when no job runs: docker rm --force --volumes $(docker ps --all --quiet --filter label=${labels.agent})`,
    },
  ];
}
