import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";

const main = join(import.meta.dir, "../../src/main.ts");

test("when the process of a job is killed with SIGKILL, the job's script stops and all its processes are ended", async () => {
  await using home = await tmpdir();
  const job = join(home.path, "job.yaml");
  const commands = [
    `setsid sleep 1000 & echo ready >"${home.path}/ready"\nsleep 30; touch "${home.path}/deployed"`,
  ];
  writeFileSync(job, JSON.stringify({ id: "guarded", commands }));
  const runner = Bun.spawn([process.execPath, main, "run", job], {
    env: { ...process.env, HOME: home.path, TMPDIR: home.path },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until(() => existsSync(join(home.path, "ready")));
  expect(ofJob("guarded").length).toBeGreaterThan(2);

  runner.kill("SIGKILL");
  await runner.exited;
  await until(() => ofJob("guarded").length === 0);
  expect(existsSync(join(home.path, "deployed"))).toBe(false);
});

test("when the process of a job is killed while its login profile runs, the profile stops and all its processes are ended", async () => {
  await using home = await tmpdir();
  const job = join(home.path, "job.yaml");
  writeFileSync(job, JSON.stringify({ id: "booting", commands: ["true"] }));
  writeFileSync(join(home.path, ".bash_profile"), `echo ready >~/ready\nsleep 30\ntouch ~/deployed\n`);
  const runner = Bun.spawn([process.execPath, main, "run", job], {
    env: { ...process.env, HOME: home.path, TMPDIR: home.path },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until(() => existsSync(join(home.path, "ready")));
  expect(ofJob("booting").length).toBeGreaterThan(1);

  runner.kill("SIGKILL");
  await runner.exited;
  await until(() => ofJob("booting").length === 0);
  expect(existsSync(join(home.path, "deployed"))).toBe(false);
});

/** Processes that carry the cookie of the job with this id. */
function ofJob(id: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "latin1").includes(`SIGNALMAN_JOB_${id}_`)
      );
    } catch {
      return false;
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("condition not met within a minute");
    await Bun.sleep(10);
  }
}
