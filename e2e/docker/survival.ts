import { createScene, jobRecorders } from "../support/agents.ts";
import { containerJob, testEngine } from "../support/containers.ts";
import type { Running } from "../support/fixtures.ts";
import { until } from "../support/jobs.ts";
import type { SurvivalPlace } from "../support/survival-rounds.ts";

/** A hub, and agents whose jobs run in containers of the test engine. */
export interface KeptContainers extends SurvivalPlace, AsyncDisposable {
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Running>;
  /** Ids of the containers and networks of a job. */
  left(id: string): Promise<string[]>;
}

/** Containers, as the place of jobs whose processes are killed. */
export async function createKeptContainers(): Promise<KeptContainers> {
  const { api, host } = await testEngine();
  const scene = await createScene();
  const { hub } = scene;
  const left = async (id: string) => {
    const filters = encodeURIComponent(JSON.stringify({ label: [`signalman/job-id=${id}`] }));
    const containers = await api.get<{ Id: string }[]>(`/containers/json?all=1&filters=${filters}`);
    const networks = await api.get<{ Id: string }[]>(`/networks?filters=${filters}`);
    return [...containers, ...networks].map(({ Id }) => Id);
  };
  return {
    scene,
    left,
    start: (args = [], env = {}) => scene.readyAgent(args, { env: { DOCKER_HOST: host, ...env } }),
    shows: (id, text) =>
      until(`job ${id} shows "${text}"`, async () =>
        (await hub.log(id)).some((event) => event.event === "cmd_output" && event.output.includes(text)),
      ),
    async result(id) {
      await until(`job ${id} is done`, async () => (await hub.job(id)).isDone);
      return (await hub.job(id)).result ?? "";
    },
    toJob: ({ commands, ...rest }) => containerJob(commands, [{}], rest),
    ownBlocks: ["[Pulling docker images...", "[Starting the docker image..."],
    async emptied(id) {
      await until(`job ${id} has left nothing in the engine`, async () => (await left(id)).length === 0);
      await until(`the recorder of job ${id} has exited`, () => jobRecorders(id).length === 0);
    },
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}
