import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { run } from "../support/cluster/command.ts";
import { needCommand } from "../support/engine/packages.ts";

const suite = "bookworm";
const packages = ["ca-certificates", "openssh-client", "procps"];

/** A Debian without a service manager, in a directory. Disposal removes it. Needs root. */
export interface DebianRoot extends AsyncDisposable {
  readonly path: string;
  /** Runs a shell script as root, with variables, and returns its output. Throws with its output when it fails. */
  sh(script: string, env?: Readonly<Record<string, string>>): Promise<string>;
  /** Runs a shell script that fails, and returns its output. */
  fails(script: string, env?: Readonly<Record<string, string>>): Promise<string>;
  /** Copies a file, or the content of a directory, into a directory of the root. */
  put(source: string, directory: string): Promise<void>;
  /** Lists all files with mode and owner, but for what package managers and users of a system note. */
  list(): Promise<string[]>;
}

export async function createDebianRoot(): Promise<DebianRoot> {
  const base = await makeBase();
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-debian-"));
  const root = path.join(directory, "root");
  await run(["cp", "-a", base, root]);
  await run(["mount", "-t", "proc", "proc", path.join(root, "proc")]);
  await run([
    "mount",
    "-t",
    "devpts",
    "-o",
    "newinstance,ptmxmode=666",
    "devpts",
    path.join(root, "dev/pts"),
  ]);
  const call = (script: string, env: Readonly<Record<string, string>> = {}) => {
    const variables = {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      DEBIAN_FRONTEND: "noninteractive",
      ...env,
    };
    const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    return run(["chroot", root, "env", "-i", ...words, "sh", "-c", `exec 2>&1; ${script}`], {
      timeoutMs: 5 * 60_000,
    });
  };
  return {
    path: root,
    sh: call,
    async fails(script, env) {
      const output = await call(`(${script}) && echo "and it passed"; :`, env);
      if (output.includes("and it passed")) throw new Error(`this passed: ${script}\n${output}`);
      return output;
    },
    async put(source, target) {
      const isDirectory = (await stat(source)).isDirectory();
      await mkdir(path.join(root, target), { recursive: true });
      const to = path.join(root, target, isDirectory ? "" : path.basename(source));
      await cp(source, to, { recursive: true });
    },
    async list() {
      const output = await call("find / -xdev -printf '%m %u:%g %y %p\\n' | sort -k4");
      return output.split("\n").filter((line) => line !== "" && !unstable.test(line));
    },
    async [Symbol.asyncDispose]() {
      for (const mount of ["dev/pts", "proc"]) await run(["umount", "--lazy", path.join(root, mount)]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What package managers keep of a package, and what the removal of any user leaves (backups of the user files). */
const unstable =
  / \/(var\/(lib\/(dpkg|apt|rpm|systemd)|cache|log)|usr\/lib\/sysimage|proc|tmp|root|etc\/(passwd-|group-|shadow-|gshadow-|subuid-?|subgid-?|\.pwd\.lock|ld\.so\.cache))(\/|$)/;

/** Returns a directory that is made once, from Debian's packages. */
async function makeBase(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache");
  const base = path.join(cache, `signalman-test-debian-${suite}`);
  if (existsSync(base)) return base;
  await needCommand("debootstrap", "debootstrap");
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(`${base}-`);
  try {
    const root = path.join(work, "root");
    const include = `--include=${packages.join()}`;
    await run(["debootstrap", "--variant=minbase", include, suite, root], {
      env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
      timeoutMs: 10 * 60_000,
    });
    await rm(path.join(root, "var/cache/apt"), { recursive: true, force: true });
    await rename(root, base);
    return base;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
