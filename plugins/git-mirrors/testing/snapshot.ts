import type { TestJob } from "./scene.ts";

/** What a clone looks like: everything that two clones of one origin have in common, also their damage. */
export async function takeSnapshot(job: Pick<TestJob, "run">, directory: string): Promise<string> {
  const commands = [
    "git rev-parse HEAD",
    "git symbolic-ref -q HEAD",
    "git for-each-ref",
    "git ls-files -s",
    "git status --porcelain --branch",
    "git remote -v",
    "git config --local --list",
    "sort .git/shallow",
    "git log --all --format='%H %P %d' -n 2000 | sort",
    "git sparse-checkout list",
    "git count-objects -v | grep -E '^(garbage|prune)'",
    "git fsck --full --no-dangling 2>&1 | grep -v '^Checking'",
    "cat .git/info/sparse-checkout",
    "find . -path ./.git -prune -o -type f -print | sort | xargs cksum",
    "git submodule status --recursive",
  ];
  const script = commands
    .map((command) => `echo '# ${command.replaceAll("'", "")}'; ${command} 2>/dev/null`)
    .join("\n");
  const { output } = await job.run(`cd ${directory} || exit; ${script}`);
  return output;
}
