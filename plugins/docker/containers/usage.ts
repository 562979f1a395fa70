import type Docker from "dockerode";
import type { JobUsage } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { type Accounting, sumUsage, noUsage, parseAccounting, mergeReadings } from "./accounting.ts";

/** The resource usage of a job's containers. Disposal ends the polling of services. */
export interface ContainerUsage extends Disposable {
  /** Adds a service, whose figures are polled from the engine. */
  addService(container: Docker.Container): void;
  /** Sets the reader of the first container's cgroup files. */
  setReader(read: () => Promise<ReadonlyMap<string, string>>): void;
  /** Reads the first container's figures now. Resolves to its number of OOM kills so far. */
  look(): Promise<number>;
  read(): JobUsage;
}

export function createContainerUsage(engine: Engine): ContainerUsage {
  const services = new Map<Docker.Container, Accounting>();
  let first = noUsage;
  let reader: (() => Promise<ReadonlyMap<string, string>>) | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function pollServices(): Promise<void> {
    await Promise.all(
      [...services].map(async ([container, before]) => {
        try {
          const what = "read the usage of a container";
          const stats = await engine.call(what, container.stats({ stream: false, "one-shot": true }));
          services.set(container, mergeReadings(before, toAccounting(stats)));
        } catch {
          // The container has ended; its last figures stay.
        }
      }),
    );
  }

  const pollAfter = (pauseMs: number) => {
    timer = setTimeout(() => {
      void pollServices().then(() => timer !== undefined && pollAfter(Math.min(pauseMs * 2, maxPauseMs)));
    }, pauseMs).unref();
  };

  return {
    addService(container) {
      services.set(container, noUsage);
      if (timer === undefined) pollAfter(firstPauseMs);
    },
    setReader(read) {
      reader = read;
    },
    async look() {
      try {
        const files = await reader?.();
        if (files) first = mergeReadings(first, parseAccounting(files));
      } catch {
        // The container was removed; its last figures stay.
      }
      return first.oomKills;
    },
    read: () => (reader ? sumUsage([first, ...services.values()]) : {}),
    [Symbol.dispose]() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

const firstPauseMs = 250;
/** Long, because the engine measures a container for one second before it answers. */
const maxPauseMs = 8000;

function toAccounting(stats: Docker.ContainerStats): Accounting {
  const { cpu_stats: cpu, memory_stats: memory, blkio_stats: blocks } = stats;
  const storage = (operation: RegExp) =>
    (blocks?.io_service_bytes_recursive ?? [])
      .filter(({ op }) => operation.test(op))
      .reduce((all, { value }) => all + value, 0);
  return {
    cpuUserMs: (cpu?.cpu_usage?.usage_in_usermode ?? 0) / 1e6,
    cpuSystemMs: (cpu?.cpu_usage?.usage_in_kernelmode ?? 0) / 1e6,
    peakMemoryBytes: Math.max(memory?.max_usage ?? 0, memory?.usage ?? 0),
    memoryBytes: Math.max(0, (memory?.usage ?? 0) - (memory?.stats?.inactive_file ?? 0)),
    readBytes: storage(/^read$/i),
    writtenBytes: storage(/^write$/i),
    oomKills: 0,
  };
}
