import type Docker from "dockerode";
import type { ExecutorContext } from "signalman";
import type { Session } from "signalman/terminal";
import type { JobCgroup } from "./cgroup/job-cgroup.ts";
import type { DockerConfig } from "./config.ts";
import type { JobPlace } from "./containers/place.ts";
import type { ServiceEnds } from "./containers/service-ends.ts";
import type { ContainerUsage } from "./containers/usage.ts";
import type { Engine } from "./engine/engine.ts";
import type { ContainerTerminal } from "./session/container-terminal.ts";
import type { Keepers } from "./session/put-bytes.ts";

/** What a job has once it has started. */
export interface StartedJob {
  readonly engine: Engine;
  readonly container: Docker.Container;
  readonly session: Session<ContainerTerminal>;
  readonly keepers: Keepers;
  readonly usage: ContainerUsage;
  readonly serviceEnds: ServiceEnds;
  readonly heartbeat: Disposable;
  /** Left out when the job needs none, or can have none. */
  readonly cgroup?: JobCgroup;
}

export interface StartOptions {
  readonly context: ExecutorContext;
  readonly options: DockerConfig;
  readonly place: JobPlace;
  readonly connect: () => Promise<Engine>;
  /** Gets what has been started, as it is. */
  readonly onStarted: (job: Partial<StartedJob>) => void;
}
