import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { type Logger, toMessage } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { isUnreachable, statusOf } from "../engine/errors.ts";

export interface RemoveOptions {
  /** `name=value`, or a name alone. */
  readonly labels: readonly string[];
  /** Whether an object with these labels is not removed. */
  readonly isKept?: (labels: Readonly<Record<string, string>>) => boolean;
  readonly logger: Logger;
}

/**
 * Removes everything, with retries while the engine restarts: with live-restore, containers keep running
 * meanwhile.
 */
export async function removeWithRetries(
  engine: Engine,
  options: RemoveOptions & { readonly retryMs: number },
): Promise<void> {
  const deadline = performance.now() + options.retryMs;
  for (;;) {
    try {
      await removeAll(engine, options);
      return;
    } catch (error) {
      if (!isUnreachable(error) || performance.now() > deadline) throw error;
      await sleep(pauseMs);
    }
  }
}

const pauseMs = 500;
/** Maximum time in which the engine completes the removal of a container for another program. */
const endpointMs = 10_000;
const endpointPauseMs = 100;

/** Removes a network, also when another program, such as a process of the job that has died, removes its containers. */
async function removeNetwork(network: Docker.Network): Promise<void> {
  const deadline = performance.now() + endpointMs;
  for (;;) {
    try {
      await network.remove();
      return;
    } catch (error) {
      // 403: a container is still connected.
      if (statusOf(error) !== 403 || performance.now() > deadline) throw error;
      await sleep(endpointPauseMs);
    }
  }
}

/**
 * Removes all containers with these labels, their anonymous volumes, and all networks with these labels.
 * Failures are logged, and the other objects are still removed. Resolves to the number of removed objects.
 */
export async function removeAll(engine: Engine, options: RemoveOptions): Promise<number> {
  const { labels, logger, isKept = () => false } = options;
  const filters = { label: [...labels] };
  const { docker } = engine;
  let removed = 0;
  const remove = async (what: string, work: () => Promise<unknown>) => {
    try {
      await engine.call(`remove ${what}`, work());
      removed += 1;
    } catch (error) {
      // 404, 409: another program has removed it or removes it now.
      if (statusOf(error) !== 404 && statusOf(error) !== 409) logger.warn(toMessage(error));
    }
  };
  const [containers, networks] = await engine.call(
    "list the containers and networks of jobs",
    Promise.all([docker.listContainers({ all: true, filters }), docker.listNetworks({ filters })]),
  );
  await Promise.all(
    containers
      .filter((container) => !isKept(container.Labels ?? {}))
      .map(({ Id, Names }) =>
        remove(`container "${Names[0]?.slice(1) ?? Id}"`, () =>
          docker.getContainer(Id).remove({ force: true, v: true }),
        ),
      ),
  );
  await Promise.all(
    networks
      .filter((network) => !isKept(network.Labels ?? {}))
      .map(({ Id, Name }) => remove(`network "${Name}"`, () => removeNetwork(docker.getNetwork(Id)))),
  );
  return removed;
}
