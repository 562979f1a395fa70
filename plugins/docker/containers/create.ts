import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import type { JobContainer } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { type JobNames, labels } from "./job-names.ts";
import { putContainerFiles } from "./put-files.ts";

/** Creates the job's network, in which containers resolve each other by name. */
export async function createJobNetwork(engine: Engine, names: JobNames): Promise<void> {
  await engine.call(
    "create the job's network",
    engine.docker.createNetwork({
      Name: names.networkName,
      Labels: { ...names.labels, [labels.purpose]: "network" },
    }),
  );
}

/** Creates a container of the job with its files, and does not start it. */
export async function createContainer(
  engine: Engine,
  requested: Pick<JobContainer, "name" | "files">,
  spec: ContainerCreateOptions,
): Promise<Docker.Container> {
  const container = await engine.call(
    `create container "${requested.name}"`,
    engine.docker.createContainer(spec),
  );
  await putContainerFiles(engine, container, requested);
  return container;
}
