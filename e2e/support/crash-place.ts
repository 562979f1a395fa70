import { mkdirSync } from "node:fs";
import { inHome, type Scene } from "./agents.ts";
import { containerJob, testEngine } from "./containers.ts";
import type { JobFile } from "./jobs.ts";

/** Where the jobs of crash rounds run. */
export interface CrashPlace {
  /** Arguments of the agents. */
  readonly args: readonly string[];
  /** Variables of the agents. */
  readonly env: Readonly<Record<string, string>>;
  /** Approximate time from the start of a job to its first command. */
  readonly startMs: number;
  /** The job's name for a file that it shares with the test. */
  toJobPath(name: string): string;
  /** The test's name for the same file. */
  toHostPath(name: string): string;
  toRequest(request: CrashRequest): JobFile;
  /** What the job has left outside of this host's processes. */
  left(jobId: string): Promise<readonly string[]>;
}

export const crashPlaces = { shell: openShell, containers: openContainers } as const;
export type CrashPlaceName = keyof typeof crashPlaces;

interface CrashRequest {
  readonly env_vars: readonly unknown[];
  readonly commands: readonly string[];
}

/** The shell executor: the job runs in the agent's home directory. */
async function openShell(scene: Scene): Promise<CrashPlace> {
  return {
    args: [],
    env: {},
    startMs: 200,
    toJobPath: (name) => name,
    toHostPath: (name) => inHome(scene, name),
    toRequest: (request) => ({ ...request }),
    left: async () => [],
  };
}

/** The Docker executor: a session and a service, with a directory of this host in the session's container. */
async function openContainers(scene: Scene): Promise<CrashPlace> {
  const { api, host } = await testEngine();
  const shared = inHome(scene, "shared");
  mkdirSync(shared, { recursive: true });
  return {
    args: ["--files", `${shared}:/shared`],
    env: { DOCKER_HOST: host },
    startMs: 1500,
    toJobPath: (name) => `/shared/${name}`,
    toHostPath: (name) => `${shared}/${name}`,
    toRequest: ({ commands, env_vars }) =>
      containerJob(commands, [{}, { command: "sleep 1000" }], { env_vars }),
    async left(jobId) {
      const filters = encodeURIComponent(JSON.stringify({ label: [`signalman/job-id=${jobId}`] }));
      const containers = await api.get<{ Names: string[] }[]>(`/containers/json?all=1&filters=${filters}`);
      const networks = await api.get<{ Name: string }[]>(`/networks?filters=${filters}`);
      return [...containers.map(({ Names }) => Names.join()), ...networks.map(({ Name }) => Name)];
    },
  };
}
