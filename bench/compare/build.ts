import { rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

/** Builds the working tree into `outfile`. */
export function buildThis(outfile: string): void {
  run([process.execPath, "scripts/build.ts", "--outfile", outfile], root);
}

/**
 * Builds a commit into `outfile`, in a work tree of its own below `directory`. Returns the commit's short
 * name.
 */
export function buildCommit(commit: string, directory: string, outfile: string): string {
  const tree = join(directory, "tree");
  run(["git", "worktree", "add", "--detach", tree, commit], root);
  try {
    // As its own set-up: scripts of dependencies run where the commit trusts them, since its build may need that.
    run([process.execPath, "install", "--frozen-lockfile"], tree);
    run([process.execPath, "scripts/build.ts", "--outfile", outfile], tree);
    return run(["git", "rev-parse", "--short", "HEAD"], tree).trim();
  } finally {
    run(["git", "worktree", "remove", "--force", tree], root);
    rmSync(tree, { recursive: true, force: true });
  }
}

function run(command: readonly string[], cwd: string): string {
  const { success, stdout, stderr } = Bun.spawnSync([...command], { cwd, stdin: "ignore" });
  if (!success) throw new Error(`${command.join(" ")} failed: ${stderr.toString()}${stdout.toString()}`);
  return stdout.toString();
}
