import { killedCode, toMemorySentence } from "signalman/executor";
import type { Engine } from "../engine/engine.ts";
import type { Service } from "./services.ts";

/** Detects services that have ended, and OOM kills in services. */
export interface ServiceEnds {
  /** Resolves to a sentence for each end or kill that no earlier call has returned. */
  find(): Promise<string[]>;
  /** Number of OOM kills that have been detected. */
  readonly oomKills: number;
}

/**
 * `countKills` returns the kernel's count of a container; `undefined` after its end, or without a cgroup of
 * the job.
 */
export function createServiceEnds(
  engine: Engine,
  services: readonly Service[],
  countKills: (containerId: string) => number | undefined,
): ServiceEnds {
  const known = new Map<Service, number>();
  const dead = new Set<Service>();

  async function inspect(service: Service): Promise<string | undefined> {
    const { name, container } = service;
    const kills = countKills(container.id);
    if (kills !== undefined) {
      const before = known.get(service) ?? 0;
      known.set(service, kills);
      return kills > before ? toMemorySentence(`a process of container "${name}"`) : undefined;
    }
    if (dead.has(service)) return undefined;
    const { State: state } = await engine.call(`inspect container "${name}"`, container.inspect());
    if (state.Running) return undefined;
    dead.add(service);
    if (!state.OOMKilled || state.ExitCode !== killedCode) {
      const isKnown = service.isEndLogged === true || state.ExitCode === 0;
      return isKnown ? undefined : `container "${name}" has ended with exit code ${state.ExitCode}`;
    }
    known.set(service, (known.get(service) ?? 0) + 1);
    return toMemorySentence(`container "${name}"`);
  }

  return {
    async find() {
      const found = await Promise.all(services.map((service) => inspect(service).catch(() => undefined)));
      return found.filter((line) => line !== undefined);
    },
    get oomKills() {
      return [...known.values()].reduce((all, kills) => all + kills, 0);
    },
  };
}
