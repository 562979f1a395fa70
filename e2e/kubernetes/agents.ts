import type { Running } from "../support/fixtures.ts";
import { createScene, type Scene } from "../support/agents.ts";
import { images } from "../support/cluster/images.ts";
import type { SurvivalPlace } from "../support/survival-rounds.ts";
import { createNamespace, type Namespace, patiently } from "./namespaces.ts";

/** A hub, and agents whose jobs run in pods of a namespace of their own. */
export interface PodScene extends AsyncDisposable {
  readonly scene: Scene;
  readonly namespace: Namespace;
  /** Starts an agent; resolves when it is registered. */
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Running>;
  /** Resolves when the job's log holds the text. */
  shows(id: string, text: string): Promise<void>;
  /** Resolves to the job's result when it has been reported. */
  result(id: string): Promise<string>;
}

export const inPods = ["--kubernetes-executor", `--kubernetes-default-image=${images.debian}`];

export async function createPodScene(): Promise<PodScene> {
  const namespace = await createNamespace();
  const scene = await createScene();
  return {
    scene,
    namespace,
    start: (args = [], env = {}) =>
      scene.readyAgent([...inPods, ...args], { env: { ...namespace.env, ...env } }),
    shows: (id, text) =>
      patiently(`job ${id} shows "${text}"`, async () =>
        (await scene.hub.log(id)).some(
          (event) => event.event === "cmd_output" && event.output.includes(text),
        ),
      ),
    async result(id) {
      await patiently(`job ${id} is done`, async () => (await scene.hub.job(id)).isDone);
      return (await scene.hub.job(id)).result ?? "";
    },
    async [Symbol.asyncDispose]() {
      await scene[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
    },
  };
}

/** Pods, as the place of jobs whose processes are killed. */
export async function createSurvivalPlace(): Promise<SurvivalPlace & AsyncDisposable> {
  const pods = await createPodScene();
  return {
    ...pods,
    toJob: (request) => ({ ...request }),
    ownBlocks: ["[Creating Kubernetes resources for job...", "[Starting shell session..."],
    emptied: () => pods.namespace.emptied(),
  };
}
