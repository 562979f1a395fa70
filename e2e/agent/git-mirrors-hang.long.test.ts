import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import path from "node:path";
import { startHttpOrigin } from "../../plugins/git-mirrors/testing/http-server.ts";
import { createRepository, run as runGit } from "../../plugins/git-mirrors/testing/repository.ts";
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

test("a first clone whose pack stops in the middle goes on within two minutes, and fills the mirror", async () => {
  await using it = await createHangScene();
  const sha = await it.repository.commit("main", { "a.bin": noise() });
  // Servers keep repositories packed. Otherwise git makes a new pack for each answer, and no two need be the same.
  runGit(["repack", "-adq"], it.repository.path);
  it.stopNextPack();
  const clone = `rm -rf app; git clone -q --depth 50 ${it.url} app && git -C app rev-parse HEAD && git -C app fsck`;
  const startedAt = performance.now();
  const { output, report } = await it.finish(await it.submit(clone), clone);
  expect(output).toStartWith(`${sha}\n`);
  expect(performance.now() - startedAt).toBeLessThan(120_000);
  expect(report).toMatch(/^updated in [^\n]*\n$/);
  expect(it.leftovers()).toEqual([]);
  expect((await it.finish(await it.submit(clone), clone)).report).toStartWith("hit: ");
}, 300_000);
