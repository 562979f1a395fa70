import { randomUUID } from "node:crypto";
import { describe, expect, test } from "bun:test";
import type { CleanUpContext, Executor } from "../../core/contracts/executor.ts";
import { executorContext, jobRequest, tmpdir } from "../fixtures.ts";
import { silentLogger } from "../loggers.ts";
import { type CleanUpSubject, type ExecutorSubject, shellWords } from "./subject.ts";

/** The contract of `ExecutorFactory.cleanUp`, for executors that have it. */
export function testCleanUp(subject: ExecutorSubject): void {
  const { cleanUp } = subject;
  if (cleanUp === undefined) return;
  const fact = (name: string, work: (scene: Scene) => Promise<void>): void =>
    test(
      name,
      async () => {
        await using scene = await createScene(subject, cleanUp);
        await work(scene);
      },
      subject.timeoutMs ?? 20_000,
    );

  describe("clean-up", () => {
    fact("removes what a job left whose process died, also when it is repeated", async (scene) => {
      const dead = await scene.start();
      expect(await scene.find(dead)).not.toEqual([]);
      await scene.cleanUp(dead.agentId, { jobId: dead.jobId });
      expect(await scene.find(dead)).toEqual([]);
      await scene.cleanUp(dead.agentId, { jobId: dead.jobId });
      await scene.cleanUp(dead.agentId);
    });

    fact("of a job touches no other job of the agent and no other agent", async (scene) => {
      const dead = await scene.start();
      const others = [
        await scene.start({ agentId: dead.agentId }),
        await scene.start({ jobId: dead.jobId }),
        await scene.start(),
      ];
      await scene.unchanged(others, () => scene.cleanUp(dead.agentId, { jobId: dead.jobId }));
      expect(await scene.find(dead)).toEqual([]);
    });

    fact("of an agent spares its running jobs and all other agents", async (scene) => {
      const dead = await scene.start();
      const alsoDead = await scene.start({ agentId: dead.agentId });
      const running = await scene.start({ agentId: dead.agentId });
      const foreign = await scene.start();
      await scene.unchanged([running, foreign], () =>
        scene.cleanUp(dead.agentId, { runningJobs: [running.jobId] }),
      );
      expect(await scene.find(dead)).toEqual([]);
      expect(await scene.find(alsoDead)).toEqual([]);
    });

    fact("does nothing for a job that left nothing", async (scene) => {
      const other = await scene.start();
      await scene.unchanged([other], () => scene.cleanUp(other.agentId, { jobId: randomUUID() }));
    });

    fact("settles after an abort, and a later call removes the rest", async (scene) => {
      const dead = await scene.start();
      const { agentId, jobId } = dead;
      await scene.cleanUp(agentId, { jobId, signal: AbortSignal.abort() }).catch(() => {});
      await scene.cleanUp(agentId, { jobId });
      expect(await scene.find(dead)).toEqual([]);
    });
  });
}

interface StartedJob {
  readonly agentId: string;
  readonly jobId: string;
  readonly executor: Executor;
}

interface Scene extends AsyncDisposable {
  /** Starts an executor, of another agent and another job unless they are given. */
  start(of?: { readonly agentId?: string; readonly jobId?: string }): Promise<StartedJob>;
  find(job: StartedJob): Promise<readonly string[]>;
  cleanUp(agentId: string, more?: Partial<CleanUpContext>): Promise<void>;
  /** Calls `work`, and expects that these jobs keep all they have and still run commands. */
  unchanged(jobs: readonly StartedJob[], work: () => Promise<void>): Promise<void>;
}

async function createScene(subject: ExecutorSubject, { run, find }: CleanUpSubject): Promise<Scene> {
  const resources = new AsyncDisposableStack();
  const { print } = subject.commands ?? shellWords;
  const findOf = ({ agentId, jobId }: StartedJob) => find(agentId, jobId);
  return {
    find: findOf,
    async start({ agentId = randomUUID(), jobId = randomUUID() } = {}) {
      const directory = resources.use(await tmpdir());
      const job = jobRequest({ id: jobId });
      const executor = resources.use(subject.create(executorContext(directory.path, { agentId, job })));
      expect(await executor.start(new AbortController().signal)).toBe(0);
      return { agentId, jobId, executor };
    },
    cleanUp: (agentId, more) =>
      run({
        agentId,
        runningJobs: [],
        logger: silentLogger,
        signal: new AbortController().signal,
        ...more,
      }),
    async unchanged(jobs, work) {
      const before = await Promise.all(jobs.map(findOf));
      await work();
      expect(await Promise.all(jobs.map(findOf))).toEqual(before);
      for (const { executor } of jobs) expect(await executor.run(print("alive"), () => {})).toBe(0);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
