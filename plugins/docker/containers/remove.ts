import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, toMessage } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { isUnreachable, statusOf } from "../engine/errors.ts";

export interface RemoveOptions {
  /** `name=value`, or a name alone. */
  readonly labels: readonly string[];
  /** Spares what it answers `true` for. */
  readonly isKept?: (labels: Readonly<Record<string, string>>) => boolean;
  readonly logger: Logger;
}

/** Removes everything, also from an engine that is just being restarted: with live-restore, its containers run on meanwhile. */
export async function removeAtLast(
  engine: Engine,
  options: RemoveOptions & { readonly patienceMs: number },
): Promise<void> {
  const deadline = performance.now() + options.patienceMs;
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

/**
 * Removes all containers with their anonymous volumes, and all networks, that carry these labels. Everything is tried; what could not be removed
 * goes to the log. Resolves to the number of things removed.
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
      // Somebody else removes it, or has done so.
      if (statusOf(error) !== 404 && statusOf(error) !== 409) logger.warn(toMessage(error));
    }
  };
  const [containers, networks] = await engine.call(
    "list what jobs have left",
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
      .map(({ Id, Name }) => remove(`network "${Name}"`, () => docker.getNetwork(Id).remove())),
  );
  return removed;
}
