import { afterAll, beforeAll } from "bun:test";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { type Engine, openEngine } from "./engine/engine.ts";
import { images } from "./engine/images.ts";
import {
  createTester,
  type Finished,
  type Running,
  type StartOptions,
  type Tester,
  type TesterOptions,
} from "./fixtures.ts";
import { type JobFile, outline, toEvents } from "./jobs.ts";

/** An engine and the real program, for jobs in containers. */
export interface ContainerScene extends AsyncDisposable {
  readonly tester: Tester;
  readonly env: Readonly<Record<string, string>>;
  run(job: JobFile, args?: readonly string[], options?: StartOptions): Promise<ContainerRun>;
  start(job: JobFile, args?: readonly string[], options?: StartOptions): Promise<Running>;
  /** Containers and networks of jobs, and anonymous volumes, that were not there when the scene began. */
  left(): Promise<string[]>;
}

export interface ContainerRun extends Finished {
  readonly events: readonly JobEvent[];
  /** `[directive] exit code: output` for each command, after those that a job in containers begins with. */
  readonly outline: readonly string[];
}

let shared: Promise<Engine> | undefined;

/** The engine of a test file: opened once, closed by `closeEngine`. */
export function testEngine(): Promise<Engine> {
  return (shared ??= openEngine());
}

/** Prepares the engine before the tests of a file, and closes it after them. */
export function useTestEngine(): void {
  beforeAll(async () => {
    await testEngine();
  }, 600_000);
  afterAll(closeEngine);
}

export async function closeEngine(): Promise<void> {
  await (await shared)?.[Symbol.asyncDispose]();
  shared = undefined;
}

export async function createContainerScene(options: TesterOptions = {}): Promise<ContainerScene> {
  const engine = await testEngine();
  const tester = await createTester(options);
  const before = new Set(await leftInEngine());
  const env = { DOCKER_HOST: engine.host };
  const prepare = async (job: JobFile, args: readonly string[]) => {
    const file = await tester.write("job.json", JSON.stringify(job));
    return ["run", file, "--json", ...args];
  };
  const withEngine = (options: StartOptions = {}): StartOptions => ({
    ...options,
    env: { ...env, ...options.env },
  });
  return {
    tester,
    env,
    async run(job, args = [], options) {
      const finished = await tester.run(await prepare(job, args), withEngine(options));
      const events = toEvents(finished.stdout);
      return { ...finished, events, outline: outline(events) };
    },
    start: async (job, args = [], options) => tester.start(await prepare(job, args), withEngine(options)),
    left: async () => (await leftInEngine()).filter((name) => !before.has(name)),
    [Symbol.asyncDispose]: () => tester[Symbol.asyncDispose](),
  };
}

export interface ContainerOfJob {
  readonly name?: string;
  readonly image?: string;
  readonly [key: string]: unknown;
}

/** A job in containers; the first one is Debian's, further ones are busybox's, unless they say otherwise. */
export function containerJob(
  commands: readonly unknown[],
  containers: readonly ContainerOfJob[] = [{}],
  rest: JobFile = {},
): JobFile {
  const { compose, ...others } = rest;
  return {
    executor: "dockercompose",
    commands,
    compose: {
      ...(compose as object | undefined),
      containers: containers.map((container, index) => ({
        name: index === 0 ? "main" : `service-${index}`,
        image: index === 0 ? images.debian : images.busybox,
        ...container,
      })),
    },
    ...others,
  };
}

async function leftInEngine(): Promise<string[]> {
  const { api } = await testEngine();
  const filters = encodeURIComponent(JSON.stringify({ label: ["signalman/agent-id"] }));
  const containers = await api.get<{ Names: string[] }[]>(`/containers/json?all=1&filters=${filters}`);
  const networks = await api.get<{ Name: string }[]>(`/networks?filters=${filters}`);
  const volumes = await api.get<{ Volumes: { Name: string }[] | null }>("/volumes");
  return [
    ...containers.map(({ Names }) => Names.join()),
    ...networks.map(({ Name }) => Name),
    ...(volumes.Volumes ?? []).map(({ Name }) => Name),
  ];
}
