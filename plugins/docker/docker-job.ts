import type { ExecutorContext } from "signalman";
import type { Opening } from "signalman/executor";
import type { DockerConfig } from "./config.ts";
import type { ServiceEnds } from "./containers/service-ends.ts";
import type { ContainerUsage } from "./containers/usage.ts";
import type { Engine } from "./engine/engine.ts";
import type { ContainerSession } from "./session/open-session.ts";

/** A job whose containers run and whose shell is ready. */
export interface DockerJob extends ContainerSession {
  readonly engine: Engine;
  readonly usage: ContainerUsage;
  readonly serviceEnds: ServiceEnds;
}

export interface OpenJobOptions extends Opening {
  readonly context: ExecutorContext;
  readonly options: DockerConfig;
  /** Removes the job's containers, network and cgroup when it is disposed. */
  readonly resources: AsyncDisposableStack;
}
