import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import type { JobContainer } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { type JobPlace, labels } from "./place.ts";
import { putContainerFiles } from "./put-files.ts";

/** The job's own network, in which containers find each other by name. */
export async function createJobNetwork(engine: Engine, place: JobPlace): Promise<void> {
  await engine.call(
    "create the job's network",
    engine.docker.createNetwork({
      Name: place.networkName,
      Labels: { ...place.labels, [labels.purpose]: "network" },
    }),
  );
}

/** Creates a container of the job, with its files in place. It is not started. */
export async function createContainer(
  engine: Engine,
  asked: Pick<JobContainer, "name" | "files">,
  spec: ContainerCreateOptions,
): Promise<Docker.Container> {
  const container = await engine.call(
    `create container "${asked.name}"`,
    engine.docker.createContainer(spec),
  );
  await putContainerFiles(engine, container, asked);
  return container;
}
