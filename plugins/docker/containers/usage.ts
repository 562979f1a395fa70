import type Docker from "dockerode";
import type { JobUsage } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { type Accounting, addAll, nothingCounted, parseAccounting, toLater } from "./accounting.ts";

/** What the containers of a job have used. Disposal ends the looks at the services. */
export interface ContainerUsage extends Disposable {
  /** A service: the engine is asked for its figures now and then. */
  addService(container: Docker.Container): void;
  /** The first container, which is asked itself. */
  setReader(read: () => Promise<ReadonlyMap<string, string>>): void;
  /** Asks the first container now. Resolves to the processes killed there for want of memory, up to now. */
  look(): Promise<number>;
  read(): JobUsage;
}

export function createContainerUsage(engine: Engine): ContainerUsage {
  const services = new Map<Docker.Container, Accounting>();
  let first = nothingCounted;
  let reader: (() => Promise<ReadonlyMap<string, string>>) | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function lookAtServices(): Promise<void> {
    await Promise.all(
      [...services].map(async ([container, before]) => {
        try {
          const what = "read the figures of a container";
          const stats = await engine.call(what, container.stats({ stream: false, "one-shot": true }));
          services.set(container, toLater(before, toAccounting(stats)));
        } catch {
          // It has just ended; what is known stays.
        }
      }),
    );
  }

  const lookAgain = (pauseMs: number) => {
    timer = setTimeout(() => {
      void lookAtServices().then(
        () => timer !== undefined && lookAgain(Math.min(pauseMs * 2, longestPauseMs)),
      );
    }, pauseMs).unref();
  };

  return {
    addService(container) {
      services.set(container, nothingCounted);
      if (timer === undefined) lookAgain(firstPauseMs);
    },
    setReader(read) {
      reader = read;
    },
    async look() {
      try {
        const files = await reader?.();
        if (files) first = toLater(first, parseAccounting(files));
      } catch {
        // The container is gone; what is known stays.
      }
      return first.oomKills;
    },
    read: () => (reader ? addAll([first, ...services.values()]) : {}),
    [Symbol.dispose]() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

const firstPauseMs = 250;
/** The engine collects the figures of a container for a second before it answers. */
const longestPauseMs = 8000;

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
    readBytes: storage(/^read$/i),
    writtenBytes: storage(/^write$/i),
    oomKills: 0,
  };
}
