import { describe, expect, test } from "bun:test";
import { chown, cp, mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import { type Tester, createTester, root } from "../support/fixtures.ts";

const isRoot = process.getuid!() === 0;
const ordinaryUser = 65534;

// Only root can run the tests as another user as well.
const users = isRoot ? (["root", "an ordinary user"] as const) : (["an ordinary user"] as const);

describe.each(users)("a fresh clone in an empty home, as %s", (user) => {
  test("runs the demo with only git, Node and npm installed", async () => {
    await using clone = await createClone(user);
    const PATH = await clone.pathOf("node", "npm");
    const first = await clone.exec(["npm", "run", "demo"], { PATH });
    expect(first.stderr).toContain("set-up: installing Bun");
    expect(first.stderr).toContain("set-up: installing dependencies");
    expect(first.stdout).toContain("Hello, world!");
    expect(first.exitCode).toBe(0);
    const second = await clone.exec(["npm", "run", "demo"], { PATH });
    expect(second.stderr).not.toContain("set-up:");
    expect(second.exitCode).toBe(0);
  });

  test("runs the demo with only Bun installed", async () => {
    await using clone = await createClone(user);
    const PATH = await clone.pathOf("bun");
    const { exitCode, stdout, stderr } = await clone.exec(["bun", "run", "demo"], { PATH });
    expect(stderr).not.toContain("set-up: installing Bun");
    expect(stdout).toContain("Hello, world!");
    expect(exitCode).toBe(0);
  });
});

/** Copies all files that are not ignored by git into a directory that belongs to the user. */
async function createClone(user: (typeof users)[number]) {
  const tester = await createTester();
  const top = path.dirname(tester.home);
  const clone = path.join(tester.home, "signalman");
  const git = [
    "git",
    "-c",
    "safe.directory=*",
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    "-z",
  ];
  const { stdout } = await tester.exec(git, { cwd: root });
  for (const file of stdout.split("\0").filter(Boolean)) {
    await cp(path.join(root, file), path.join(clone, file)).catch(ignoreDeleted);
  }
  const isOther = isRoot && user !== "root";
  if (isOther) {
    await chown(top, ordinaryUser, ordinaryUser);
    await tester.exec(["chown", "-R", `${ordinaryUser}:${ordinaryUser}`, top]);
  }
  const become = isOther
    ? [Bun.which("setpriv")!, `--reuid=${ordinaryUser}`, `--regid=${ordinaryUser}`, "--clear-groups"]
    : [];
  return {
    exec: (command: readonly string[], env: Record<string, string>) =>
      tester.exec([...become, ...command], { cwd: clone, env }),
    pathOf: (...names: string[]) => pathOf(tester, names),
    [Symbol.asyncDispose]: () => tester[Symbol.asyncDispose](),
  };
}

/** Creates a directory with the named programs and those that the demo needs. */
async function pathOf(tester: Tester, names: readonly string[]): Promise<string> {
  const own = path.join(tester.home, "..", "bin");
  await mkdir(own);
  for (const name of names) {
    // Bun is copied, since another user may have no access to its directory.
    if (name === "bun") await cp(process.execPath, path.join(own, name));
    else await link(name, own);
  }
  for (const name of ["sh", "bash", "env", "uname", "sleep", "seq", "cat", "rm", "stty", "mkdir", "chmod"]) {
    await link(name, own);
  }
  return own;
}

async function link(name: string, directory: string): Promise<void> {
  const file = Bun.which(name);
  if (file === null) throw new Error(`the end-to-end tests need "${name}" on PATH`);
  await symlink(file, path.join(directory, name));
}

function ignoreDeleted(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
