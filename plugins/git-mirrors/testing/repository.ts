import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** A bare repository that is an origin, and a clone that pushes to it. */
export interface TestRepository {
  readonly path: string;
  /** Runs git in the clone, and returns what it prints. */
  git(...words: string[]): string;
  /** Writes files, commits and pushes to a branch. Returns the commit. */
  commit(branch: string, files: Readonly<Record<string, string>>): Promise<string>;
}

/** Creates an origin with a branch `main`. */
export async function createRepository(directory: string, name = "app.git"): Promise<TestRepository> {
  const path = join(directory, name);
  const work = join(directory, `${name}-work`);
  run(["init", "-q", "--bare", "-b", "main", path], directory);
  run(["init", "-q", "-b", "main", work], directory);
  for (const [key, value] of [
    ["uploadpack.allowFilter", "true"],
    ["http.receivepack", "true"],
  ])
    run(["config", key!, value!], path);
  const git = (...words: string[]): string => run(words, work);
  git("remote", "add", "origin", path);
  const repository: TestRepository = {
    path,
    git,
    async commit(branch, files) {
      for (const [file, content] of Object.entries(files)) await Bun.write(join(work, file), content);
      git("add", "-A");
      git("commit", "-q", "--allow-empty", "-m", `${branch} ${Object.keys(files).join(" ")}`);
      git("push", "-q", "-f", "origin", `HEAD:refs/heads/${branch}`);
      return git("rev-parse", "HEAD").trim();
    },
  };
  await repository.commit("main", { "first.txt": "first\n" });
  return repository;
}

/** Runs git with a fixed author; throws what it says when it fails. */
export function run(words: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync("git", words, {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: {
      ...process.env,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "a",
      GIT_AUTHOR_EMAIL: "a@example.com",
      GIT_COMMITTER_NAME: "a",
      GIT_COMMITTER_EMAIL: "a@example.com",
    },
  });
  if (status !== 0) throw new Error(`git ${words.join(" ")}: ${stderr}`);
  return stdout;
}
