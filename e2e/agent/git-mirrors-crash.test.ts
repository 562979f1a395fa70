import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { startHttpOrigin } from "../../plugins/git-mirrors/testing/http-server.ts";
import { createRepository } from "../../plugins/git-mirrors/testing/repository.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene, jobProcesses } from "../support/agents.ts";
import { createRandom } from "../support/crash-job.ts";
import { outline, outputOf, until } from "../support/jobs.ts";

const rounds = 8;
/** In the last rounds only the fetches of the mirror are killed. */
const fetchRounds = 2;
/** Milliseconds of a round in which something is killed. */
const killMs = 900;

/** Pids of the git programs that use a directory. */
function gitOf(directory: string): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "latin1") : "";
      return words.startsWith("git") && words.includes(directory) ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has exited meanwhile.
    }
  }
}

test("agents, jobs and fetches that are killed at random moments leave mirrors that serve the next job", async () => {
  await using tmp = await tmpdir();
  await using scene = await createScene();
  const repository = await createRepository(tmp.path);
  await using origin = startHttpOrigin({ root: tmp.path });
  const url = `${origin.url}/app.git`;
  const env_vars = [{ name: "SEMAPHORE_GIT_URL", value: btoa(url) }];
  const mirrors = path.join(tmp.path, "mirrors");
  const options = ["--git-mirrors", "--git-mirrors-path", mirrors];
  let agent = await scene.readyAgent(options);
  for (let seed = 1; seed <= rounds; seed += 1) {
    const random = createRandom(seed);
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(400_000))).toString("hex");
    const sha = await repository.commit("main", { [`file-${seed}`]: noise });
    const clone = `rm -rf app; git clone -q ${url} app && git -C app rev-parse HEAD && git -C app fsck --no-progress`;
    const cut = await scene.hub.submit({ env_vars, commands: [clone] });
    await until("the job has a process", () => jobProcesses(cut).length > 0);
    await Bun.sleep(random() * killMs);
    const isFetchOnly = seed > rounds - fetchRounds;
    if (isFetchOnly) killAll(gitOf(mirrors));
    else {
      killAll([...jobProcesses(cut), ...gitOf(mirrors)]);
      agent.kill("SIGKILL");
      await agent.finished;
      agent = await scene.readyAgent(options);
    }
    const { result } = await scene.hub.done(cut);
    // Fetches that are killed never fail a job.
    if (isFetchOnly) expect(`${seed}: ${result}`).toBe(`${seed}: passed`);
    const next = await scene.hub.submit({ env_vars, commands: [clone] });
    expect(`${seed}: ${(await scene.hub.done(next)).result}`).toBe(`${seed}: passed`);
    const log = await scene.hub.log(next);
    expect(outputOf(log, clone)).toBe(`${sha}\n`);
    expect(outline(log).join("\n")).toMatch(/\[Git mirror\] 0: (hit|updated|cloned)/);
  }
  // A mirror whose fetch has failed is checked when the agent has nothing else to do.
  while (new Bun.Glob("*/suspect").scanSync({ cwd: mirrors }).next().done !== true) await Bun.sleep(100);
  const last = await scene.hub.submit({ env_vars, commands: [`git clone -q ${url} again`] });
  expect((await scene.hub.done(last)).result).toBe("passed");
  const report = outline(await scene.hub.log(last)).find((block) => block.startsWith("[Git mirror]"));
  expect(report).toStartWith("[Git mirror] 0: hit");
}, 600_000);
