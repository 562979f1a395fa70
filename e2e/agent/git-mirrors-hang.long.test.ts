import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import path from "node:path";
import { startHttpOrigin } from "../../plugins/git-mirrors/testing/http-server.ts";
import { createRepository } from "../../plugins/git-mirrors/testing/repository.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene } from "../support/agents.ts";
import { outline, outputOf } from "../support/jobs.ts";

const packBytes = 200_000;
const noise = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(400_000))).toString("hex");

/** An agent with mirrors, and an origin whose next pack can stop in the middle. */
async function createHangScene() {
  const stack = new AsyncDisposableStack();
  const tmp = stack.use(await tmpdir());
  const scene = stack.use(await createScene());
  const repository = await createRepository(tmp.path);
  const origin = stack.use(startHttpOrigin({ root: tmp.path }));
  const url = `${origin.url}/app.git`;
  const mirrors = path.join(tmp.path, "mirrors");
  await scene.readyAgent(["--git-mirrors", "--git-mirrors-path", mirrors]);
  return {
    scene,
    repository,
    url,
    /** The next pack stops in the middle. */
    stopNextPack(): void {
      let isStopped = false;
      origin.cut = (_, bytes) => {
        if (isStopped || bytes < packBytes) return undefined;
        isStopped = true;
        return "stop";
      };
    },
    submit: (command: string): Promise<string> =>
      scene.hub.submit({ env_vars: [{ name: "SEMAPHORE_GIT_URL", value: btoa(url) }], commands: [command] }),
    /** Resolves when the job has passed. */
    async finish(id: string, command: string) {
      while (!(await scene.hub.job(id)).isDone) await Bun.sleep(100);
      expect((await scene.hub.done(id)).result).toBe("passed");
      const log = await scene.hub.log(id);
      const block = outline(log).find((each) => each.startsWith("[Git mirror]"));
      return { output: outputOf(log, command), report: block?.replace("[Git mirror] 0: ", "") ?? "" };
    },
    leftovers: () =>
      Array.from(new Bun.Glob("*/repository.git/objects/pack").scanSync({ cwd: mirrors, onlyFiles: false }))
        .flatMap((directory) => readdirSync(path.join(mirrors, directory)))
        .filter((name) => name.startsWith("tmp_")),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("a mirror whose fetch stops in the middle of a pack falls open within two minutes, and serves again", async () => {
  await using it = await createHangScene();
  const clone = `rm -rf app; git clone -q ${it.url} app && git -C app rev-parse HEAD`;
  await it.repository.commit("main", { "a.bin": noise() });
  await it.finish(await it.submit(clone), clone);
  const sha = await it.repository.commit("main", { "b.bin": noise() });
  it.stopNextPack();
  const startedAt = performance.now();
  const { output, report } = await it.finish(await it.submit(clone), clone);
  expect([output, report]).toEqual([
    `${sha}\n`,
    "cloned from the origin: its fetch failed: it was silent for too long\n",
  ]);
  expect(performance.now() - startedAt).toBeLessThan(120_000);
  expect(it.leftovers()).toEqual([]);
  const log = await it.scene.agentLog();
  expect(log.split("\n").filter((line) => line.includes("it was silent for too long"))).toHaveLength(1);
  expect((await it.finish(await it.submit(clone), clone)).report).toStartWith("updated in ");
  expect((await it.finish(await it.submit(clone), clone)).report).toStartWith("hit: ");
}, 300_000);

test("a first clone that stops in the middle of the pack fails, so that the next attempt of the job passes", async () => {
  await using it = await createHangScene();
  const sha = await it.repository.commit("main", { "a.bin": noise() });
  it.stopNextPack();
  // As `checkout` does, which tries a full clone after a shallow one.
  const clone = `rm -rf app; git clone -q --depth 50 ${it.url} app || git clone -q ${it.url} app; git -C app rev-parse HEAD`;
  const { output, report } = await it.finish(await it.submit(clone), clone);
  expect(output).toEndWith(`${sha}\n`);
  expect(report).toMatch(
    /^updated in .*\ncloned from the origin: it was silent for 60 s in the middle of its answer\n$/,
  );
  expect(it.leftovers()).toEqual([]);
  const next = `rm -rf app; git clone -q ${it.url} app && git -C app rev-parse HEAD`;
  expect((await it.finish(await it.submit(next), next)).report).toStartWith("hit: ");
}, 300_000);
