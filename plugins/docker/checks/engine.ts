import { statfs } from "node:fs/promises";
import { existsSync } from "node:fs";
import { type CheckContext, type Finding, toMessage } from "signalman";
import { labels } from "../containers/place.ts";
import { findEndpoint } from "../engine/endpoint.ts";
import { connectEngine, type Engine } from "../engine/engine.ts";

/** Whether jobs in containers can run here: the engine, its version, the agent's rights, room for images, leftovers. */
export async function checkEngine({ env }: Pick<CheckContext, "env">): Promise<Finding[]> {
  try {
    const endpoint = findEndpoint(env);
    const isAskedFor = !!env["DOCKER_HOST"] || !!env["DOCKER_CONTEXT"];
    if (!isAskedFor && endpoint.socketPath !== undefined && !existsSync(endpoint.socketPath))
      return [
        { level: "ok", title: `no Docker engine at "${endpoint.host}": jobs in containers would fail` },
      ];
    const engine = await connectEngine(endpoint, { timeoutMs: answerMs });
    const title = `Docker engine ${engine.version} at "${endpoint.host}"`;
    return [{ level: "ok", title }, ...(await findRoom(engine)), ...(await findLeftovers(engine))];
  } catch (error) {
    const remedy =
      "start the engine, or set DOCKER_HOST; the agent's user needs the right to open its socket";
    return [{ level: "error", title: "jobs in containers fail", detail: toMessage(error), remedy }];
  }
}

const answerMs = 8000;
const neededBytes = 5e9;

/** Only an engine on this host can be looked at. */
async function findRoom({ docker, endpoint, call }: Engine): Promise<Finding[]> {
  if (endpoint.socketPath === undefined) return [];
  const { DockerRootDir: directory } = (await call("look at the engine", docker.info())) as {
    DockerRootDir?: string;
  };
  const space = directory && (await statfs(directory).catch(() => undefined));
  if (!space) return [];
  const free = space.bavail * space.bsize;
  const amount = `${(free / 1e9).toFixed(1)} GB free for images in "${directory}"`;
  if (free >= neededBytes) return [{ level: "ok", title: amount }];
  const remedy =
    "free some: `docker image prune --all`, or let the agent do so with docker-image-min-free-disk";
  return [{ level: "warning", title: amount, remedy }];
}

async function findLeftovers({ docker, call }: Engine): Promise<Finding[]> {
  const filters = { label: [labels.agent], status: ["exited", "created", "dead"] };
  const left = await call("list containers", docker.listContainers({ all: true, filters }));
  if (left.length === 0) return [];
  return [
    {
      level: "warning",
      title: `${left.length} containers of jobs that are over are left`,
      remedy: `the agent removes its own when it starts; those of agents that are gone: docker rm --force --volumes $(docker ps --all --quiet --filter label=${labels.agent})`,
    },
  ];
}
