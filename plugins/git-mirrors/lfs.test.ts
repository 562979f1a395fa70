import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addLfsObject, hasLfs, type LfsObjects } from "./testing/lfs-server.ts";
import { createRepository } from "./testing/repository.ts";
import { startHttpOrigin } from "./testing/http-server.ts";
import { createMirrorScene } from "./testing/scene.ts";
import { hasSshServer, startSshServer } from "./testing/ssh-server.ts";
import { takeSnapshot } from "./testing/snapshot.ts";

const login = "ci:pass-51d0c8";
const logIn = `git config --global credential.helper '!f() { echo username=ci; echo password=${login.slice(3)}; }; f'; git config --global user.name a; git config --global user.email a@b`;

/** A repository with two large files, on a server that wants a password. */
async function createScene() {
  const scene = await createMirrorScene();
  const repository = await createRepository(scene.directory);
  const lfs: LfsObjects = new Map();
  const large = crypto.getRandomValues(new Uint8Array(65_536));
  await repository.commit("main", {
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "a.bin": addLfsObject(lfs, large),
    "b/c.bin": addLfsObject(lfs, new TextEncoder().encode("a second file\n".repeat(1000))),
  });
  const origin = startHttpOrigin({ root: scene.directory, login, lfs });
  return {
    ...scene,
    repository,
    lfs,
    large,
    origin,
    url: `${origin.url}/app.git`,
    /** Large files that the origin has sent. */
    transfers: () =>
      origin.requests.filter(({ path, bytes }) => path.includes("/info/lfs/storage/") && bytes > 0).length,
    async [Symbol.asyncDispose]() {
      await origin[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

/** Whether a file below a directory has the bytes. */
function hasBytes(directory: string, bytes: Uint8Array): boolean {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).some((name) => {
    const path = join(directory, name);
    return statSync(path).isFile() && readFileSync(path).includes(bytes);
  });
}

test.skipIf(!hasLfs)(
  "large files of git-lfs are those of the origin in every job, by the job's own credentials, and are not kept",
  async () => {
    await using scene = await createScene();
    const clone = `${logIn}; git lfs install --skip-repo >/dev/null; git clone -q --depth 50 ${scene.url} app && cd app && git lfs ls-files && cksum a.bin b/c.bin`;
    const plain = await scene.plain({ url: scene.url });
    const expected = await plain.run(clone);
    expect(expected).toMatchObject({ status: 0, output: expect.stringContaining(" * a.bin\n") });
    for (const report of [/^updated /, /^hit: .* 0 bytes fetched from the origin/]) {
      const before = scene.transfers();
      await using job = await scene.job({ url: scene.url });
      expect(await job.run(clone)).toEqual(expected);
      expect(scene.transfers()).toBe(before + 2);
      expect(await takeSnapshot(job, "app")).toBe(await takeSnapshot(plain, "app"));
      expect(await job.finish()).toMatch(report);
    }
    expect(hasBytes(scene.root, scene.large.subarray(1000, 1040))).toBe(false);
    // A job without credentials gets neither the repository nor its large files.
    await using stranger = await scene.job({ url: scene.url });
    const before = scene.transfers();
    expect((await stranger.run(clone.replace(login.slice(3), "wrong"))).status).not.toBe(0);
    expect(scene.transfers()).toBe(before);
  },
);

test.skipIf(!hasLfs)("large files of git-lfs are fetched and pushed while the mirror serves", async () => {
  await using scene = await createScene();
  await using job = await scene.job({ url: scene.url });
  const work = [
    `${logIn}; git lfs install --skip-repo >/dev/null`,
    `GIT_LFS_SKIP_SMUDGE=1 git clone -q ${scene.url} app && cd app`,
    "git lfs pull && git lfs fsck",
    "head -c 300000 /dev/urandom >new.bin && git add new.bin && git commit -qm new && git push -q origin HEAD:main",
    "git lfs ls-files -l | grep new.bin | cut -d ' ' -f 1",
  ].join(" && ");
  const { status, output } = await job.run(work);
  expect([status, output]).toEqual([0, expect.stringContaining("Git LFS fsck OK")]);
  const oid = output.trim().split("\n").at(-1)!;
  expect(scene.lfs.get(oid)?.length).toBe(300_000);
});

test.skipIf(!hasLfs || !hasSshServer)(
  "large files of a repository over ssh come from the server that `git-lfs-authenticate` of the origin names",
  async () => {
    await using scene = await createScene();
    const programs = join(scene.directory, "programs");
    const calls = join(scene.directory, "calls");
    const secret = Buffer.from(login).toString("base64");
    const answer = { href: `${scene.url}/info/lfs`, header: { Authorization: `Basic ${secret}` } };
    mkdirSync(programs);
    writeFileSync(
      join(programs, "git-lfs-authenticate"),
      `#!/bin/sh\necho "$@" >>${calls}\necho '${JSON.stringify(answer)}'\n`,
      { mode: 0o755 },
    );
    await using ssh = await startSshServer(join(scene.directory, "sshd"), { programs });
    const { path } = scene.repository;
    const url = `ssh://${ssh.authority}${path}`;
    const options = { url, key: ssh.key, knownHosts: ssh.knownHosts };
    const clone = `git lfs install --skip-repo >/dev/null; git clone -q ${url} app && cd app && git lfs ls-files && cksum a.bin b/c.bin`;
    const plain = await scene.plain(options);
    const expected = await plain.run(clone);
    expect(expected).toMatchObject({ status: 0, output: expect.stringContaining(" * a.bin\n") });
    const expectedCalls = readFileSync(calls, "utf8");
    expect(expectedCalls).toContain(`${path} download\n`);
    for (const report of [/^updated /, /^hit: .* 0 bytes fetched from the origin/]) {
      writeFileSync(calls, "");
      const before = scene.transfers();
      await using job = await scene.job(options);
      expect(await job.run(clone)).toEqual(expected);
      expect(readFileSync(calls, "utf8")).toBe(expectedCalls);
      expect(scene.transfers()).toBe(before + 2);
      expect(await takeSnapshot(job, "app")).toBe(await takeSnapshot(plain, "app"));
      expect(await job.finish()).toMatch(report);
    }
    for (const kept of [scene.large.subarray(1000, 1040), Buffer.from(secret)])
      expect(hasBytes(scene.root, kept)).toBe(false);
  },
  240_000,
);
