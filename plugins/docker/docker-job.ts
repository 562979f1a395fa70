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
  /** Own all that the job has in the engine. */
  readonly resources: AsyncDisposableStack;
}
