import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createRandom, type Random } from "./testing/random.ts";
import { createRepository, run, type TestRepository } from "./testing/repository.ts";
import { createMirrorScene, type JobOptions } from "./testing/scene.ts";
import { hasSshServer, startSshServer } from "./testing/ssh-server.ts";
import { startHttpOrigin } from "./testing/http-server.ts";
import { takeSnapshot } from "./testing/snapshot.ts";

const branches = ["main", "topic", "release/1.0", "old"] as const;

/** Changes the origin: commits, merges, force pushes, tags, deleted branches and pull requests. */
async function change(repository: TestRepository, random: Random, step: number): Promise<void> {
  const { git } = repository;
  const branch = random.pick(branches);
  const heads = git("ls-remote", "--heads", "origin")
    .split("\n")
    .flatMap((line) => line.split("refs/heads/")[1] ?? []);
  const start = random.pick(heads);
  git("fetch", "-q", "--prune", "origin");
  git(
    "checkout",
    "-q",
    "--detach",
    heads.includes(branch) && random.below(4) > 0 ? `origin/${branch}` : `origin/${start}`,
  );
  if (random.below(4) === 0) git("merge", "-q", "-s", "ours", "-m", "merge", `origin/${random.pick(heads)}`);
  if (random.below(5) === 0) git("reset", "-q", "--hard", "HEAD~0");
  const sha = await repository.commit(branch, {
    [`${random.pick(["a", "b/c", "d/e"])}.txt`]: `${step} ${"x".repeat(random.below(5000))}\n`,
  });
  if (random.below(3) === 0)
    git("tag", "-f", ...random.pick([["-m", "tag"], []]), `v${random.below(4)}`, sha);
  git("push", "-q", "-f", "origin", "--tags");
  if (random.below(4) === 0) git("push", "-q", "-f", "origin", `${sha}:refs/pull/${random.below(3)}/merge`);
  if (random.below(5) === 0 && branch !== "main" && heads.length > 2)
    git("push", "-q", "origin", `:refs/heads/${branch}`);
}

/** A way to check out, as the toolbox's `checkout` and others do. */
function checkout(repository: TestRepository, random: Random, url: string): string {
  const refs = run(["for-each-ref", "--format=%(refname) %(objectname)"], repository.path).trim().split("\n");
  const some = (prefix: string) =>
    refs.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).split(" ")[0]!);
  const heads = some("refs/heads/");
  const [tags, pulls] = [some("refs/tags/"), some("refs/pull/")];
  const branch = random.pick(heads);
  const sha = random.pick(
    run(["rev-list", `refs/heads/${branch}`], repository.path)
      .trim()
      .split("\n"),
  );
  const depth = random.pick([1, 2, 50]);
  const ways = [
    `git clone --depth ${depth} -b ${branch} ${url} app && cd app && { git reset --hard ${sha} || { git fetch --unshallow && git rev-list HEAD..${sha} && git reset --hard ${sha}; }; }`,
    `git clone ${url} app && cd app && git checkout -f ${branch} && git reset --hard ${sha}`,
    `git clone --filter=blob:none --no-checkout ${url} app && cd app && git sparse-checkout init --cone && git sparse-checkout set b && git checkout ${branch}`,
    `git clone --filter=tree:0 --depth ${depth} -b ${branch} ${url} app`,
    `git clone --depth ${depth} ${url} app && cd app && git fetch origin +${sha}: && git checkout -qf FETCH_HEAD`,
    `git clone --depth ${depth} --no-single-branch ${url} app; cd app; git fetch --deepen=3; git fetch --tags origin; git remote prune origin`,
    `git init -q -b main app && cd app && git remote add origin ${url} && git fetch --depth ${depth} origin ${branch} && git checkout -q FETCH_HEAD && git pull --unshallow origin ${branch}`,
    `git clone --mirror ${url} app/.git && cd app && git fetch --shallow-exclude=refs/heads/main; git config core.bare false; git reset --hard ${branch}`,
    ...pulls.map(
      (pull) =>
        `git clone --depth ${depth} ${url} app && cd app && git fetch --depth ${depth} origin +refs/pull/${pull}: && git checkout -qf FETCH_HEAD`,
    ),
    ...tags.map(
      (tag) => `git clone --depth ${depth} -b ${tag} ${url} app && cd app && git checkout -qf ${tag}`,
    ),
  ];
  return random.pick(ways);
}

/** Compares clones with and without the mirror while the origin changes. */
async function compare(
  seed: number,
  rounds: number,
  repository: TestRepository,
  options: JobOptions,
  scene: Awaited<ReturnType<typeof createMirrorScene>>,
): Promise<void> {
  const random = createRandom(seed);
  const reports: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let step = random.below(4); step >= 0; step--) await change(repository, random, round * 10 + step);
    const command = checkout(repository, random, options.url);
    const plain = await scene.plain(options);
    await using job = await scene.job(options);
    const [expected, given] = [await plain.run(command), await job.run(command)];
    expect({ seed, round, command, status: given.status, output: given.output }).toEqual({
      seed,
      round,
      command,
      status: expected.status,
      output: given.output,
    });
    expect(await takeSnapshot(job, "app"), `seed ${seed}, round ${round}: ${command}`).toBe(
      await takeSnapshot(plain, "app"),
    );
    reports.push(await job.finish());
  }
  // Most are served: only what a mirror cannot know is asked of the origin.
  expect(reports.filter((report) => /^(hit|updated)/.test(report)).length, reports.join("")).toBeGreaterThan(
    rounds / 2,
  );
  const reasons = reports.flatMap((report) => [...report.matchAll(/^cloned from the origin: (.*)$/gm)]);
  expect(
    reasons.filter(([, reason]) => reason !== "git asks for something that only the origin can answer"),
  ).toEqual([]);
}

const seeds = (process.env["MIRRORS_SEEDS"] ?? "1").split(",").map(Number);
const rounds = Number(process.env["MIRRORS_ROUNDS"] ?? 6);

describe("a clone with the mirror is the clone without it", () => {
  test.each(seeds)("over http (seed %d)", async (seed) => {
    await using scene = await createMirrorScene();
    const repository = await createRepository(scene.directory);
    await using origin = startHttpOrigin({ root: scene.directory });
    await compare(seed, rounds, repository, { url: `${origin.url}/app.git` }, scene);
  });

  test.skipIf(!hasSshServer).each(seeds)("over ssh (seed %d)", async (seed) => {
    await using scene = await createMirrorScene();
    mkdirSync(join(scene.directory, "sshd"));
    const repository = await createRepository(scene.directory);
    await using ssh = await startSshServer(join(scene.directory, "sshd"));
    const url = `ssh://${ssh.authority}${repository.path}`;
    await compare(seed + 1000, rounds, repository, { url, key: ssh.key, knownHosts: ssh.knownHosts }, scene);
  });
});
