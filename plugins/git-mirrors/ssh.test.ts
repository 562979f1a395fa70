import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRepository, run } from "./testing/repository.ts";
import { createMirrorScene, pathsOf } from "./testing/scene.ts";
import { hasSshServer, startSshServer } from "./testing/ssh-server.ts";

async function createScene() {
  const scene = await createMirrorScene();
  const repository = await createRepository(scene.directory);
  const ssh = await startSshServer(join(scene.directory, "sshd"));
  const url = `ssh://${ssh.authority}${repository.path}`;
  const options = { url, key: ssh.key, knownHosts: ssh.knownHosts };
  return {
    ...scene,
    repository,
    ssh,
    url,
    options,
    async [Symbol.asyncDispose]() {
      await ssh[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

/** Kills the git programs that serve a repository, and returns how many there were. */
function killServersOf(repository: string): number {
  const pids = readdirSync("/proc").filter((pid) => {
    try {
      const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "latin1") : "";
      return words.startsWith("git") && words.includes("upload-pack") && words.includes(repository);
    } catch {
      return false;
    }
  });
  for (const pid of pids) process.kill(Number(pid), "SIGKILL");
  return pids.length;
}

describe.skipIf(!hasSshServer)("over ssh", () => {
  test("clones come from the mirror, pushes and other repositories go to the origin", async () => {
    await using scene = await createScene();
    const other = await createRepository(scene.directory, "other.git");
    const { url, options, ssh } = scene;
    const from = (path: string): string => `ssh://${ssh.authority}${path}`;
    for (const [name, report] of [
      ["one", /^updated in .*\n$/],
      ["two", /^hit: .*, 0 bytes fetched from the origin\n$/],
    ] as const) {
      await using job = await scene.job(options);
      const { status, output } = await job.run(
        `git clone -q --depth 50 -b main ${url} app && git clone -q ${from(other.path)} other && cd app && git push -q origin HEAD:${name}`,
      );
      expect([status, output]).toEqual([0, ""]);
      expect(await job.finish()).toMatch(report);
    }
    expect(scene.repository.git("ls-remote", "origin")).toMatch(/refs\/heads\/one\n.*refs\/heads\/two\n/);
  }, 240_000);

  test("a first clone whose connection dies in the middle of the pack goes on with another one", async () => {
    await using scene = await createScene();
    const noise = Buffer.alloc(40_000_000);
    for (let at = 0; at < noise.length; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
    writeFileSync(join(scene.directory, "app.git-work", "noise.bin"), noise);
    await scene.repository.commit("main", {});
    run(["repack", "-adq"], scene.repository.path);
    const { answers } = pathsOf(scene, scene.url);
    await using job = await scene.job(scene.options);
    const clone = job.run(`git clone -q ${scene.url} app && git -C app fsck && cksum app/noise.bin`);
    const hasPart = (): boolean =>
      existsSync(answers) &&
      readdirSync(answers).some((name) => statSync(join(answers, name)).size > 1_000_000);
    while (!hasPart()) await Bun.sleep(1);
    expect(killServersOf(scene.repository.path)).toBeGreaterThan(0);
    const { status, output } = await clone;
    expect([status, output]).toEqual([0, expect.stringMatching(/^\d+ 40000000 app\/noise.bin$/m)]);
    expect(await job.finish()).toMatch(/^updated [^\n]*\n$/);
  }, 240_000);

  test("a key that the origin refuses gets nothing of a mirror, and the job's own ssh says why", async () => {
    await using scene = await createScene();
    await using foreign = await startSshServer(join(scene.directory, "foreign"));
    {
      await using job = await scene.job(scene.options);
      await job.run(`git clone -q ${scene.url} app`);
    }
    await using job = await scene.job({ ...scene.options, key: foreign.key });
    const { status, output } = await job.run(`git clone -q ${scene.url} app`);
    expect(status).toBe(128);
    expect(output).toMatch(
      /^signalman: cloning from the origin: the origin does not answer the job's key: .*Permission denied/,
    );
    expect(await job.finish()).toStartWith(
      "cloned from the origin: the origin does not answer the job's key",
    );
  }, 240_000);

  test("a host that the job does not know is not trusted", async () => {
    await using scene = await createScene();
    await using foreign = await startSshServer(join(scene.directory, "foreign"));
    const [address] = scene.ssh.knownHosts.split(" ");
    const knownHosts = [address, ...foreign.knownHosts.split(" ").slice(1)].join(" ");
    await using job = await scene.job({ ...scene.options, knownHosts });
    const { status, output } = await job.run(`git clone -q ${scene.url} app`);
    expect([status, output]).toEqual([128, expect.stringContaining("Host key verification failed")]);
  }, 240_000);

  test("an ssh of the job's own is used", async () => {
    await using scene = await createScene();
    await using job = await scene.job({ ...scene.options, env: { GIT_SSH: "my-ssh" } });
    await job.run(`printf '#!/bin/sh\\necho mine >> mine\\nexec ssh "$@"' > bin/my-ssh; chmod +x bin/my-ssh`);
    expect(await job.run(`git clone -q ${scene.url} app; cat mine`)).toEqual({ status: 0, output: "mine\n" });
    await using second = await scene.job(scene.options);
    await second.run("git config --global core.sshCommand my-ssh");
    await second.run(
      `printf '#!/bin/sh\\necho mine >> mine\\nexec ssh "$@"' > bin/my-ssh; chmod +x bin/my-ssh`,
    );
    expect(await second.run(`git clone -q ${scene.url} app; cat mine`)).toEqual({
      status: 0,
      output: "mine\n",
    });
    expect([await job.finish(), await second.finish()]).toEqual(["", ""]);
  }, 240_000);

  test("what a client sends that is no request ends its connection only", async () => {
    await using scene = await createScene();
    await using job = await scene.job(scene.options);
    const words = `-o SendEnv=GIT_PROTOCOL -p ${scene.ssh.port} ${scene.ssh.authority.split(":")[0]} "git-upload-pack '${scene.repository.path}'"`;
    const call = `bash -c "$GIT_MIRROR_SSH" x ${words}`;
    const hostile = [
      `head -c 100000 /dev/urandom | GIT_PROTOCOL=version=2 ${call} | tail -c 4 >/dev/null; echo`,
      `printf '0012command=fetch\\n00010032want ${"1".repeat(40)}\\n0009done\\n0000' | GIT_PROTOCOL=version=2 ${call} | tail -c 100`,
      `git clone -q ${scene.url} app && git -C app log --oneline | wc -l`,
    ];
    const { status, output } = await job.run(hostile.join("\n"));
    expect(status).toBe(0);
    expect(output).toContain(`not our ref ${"1".repeat(40)}`);
    expect(output.trim()).toEndWith("1");
  }, 240_000);

  test("a process that was killed leaves nothing locked", async () => {
    await using scene = await createScene();
    const { lock, directory } = pathsOf(scene, scene.url);
    const code = `
      const { takeLock } = await import("signalman/host");
      const { mkdirSync } = require("node:fs");
      mkdirSync(${JSON.stringify(directory)}, { recursive: true, mode: 0o700 });
      const held = takeLock(${JSON.stringify(lock)});
      console.log("held");
      setInterval(() => held, 1000);`;
    const holder = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", cwd: import.meta.dir });
    for await (const _ of holder.stdout) break;
    await using job = await scene.job(scene.options);
    const clone = job.run(`git clone -q ${scene.url} app`);
    holder.kill("SIGKILL");
    await holder.exited;
    expect((await clone).status).toBe(0);
    expect(await job.finish()).toStartWith("updated");
  }, 240_000);
});
