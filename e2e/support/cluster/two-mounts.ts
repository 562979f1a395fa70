import { existsSync } from "node:fs";
import { chown, mkdir } from "node:fs/promises";
import path from "node:path";
import { run } from "./command.ts";
import { findGo } from "./go.ts";
import { directories } from "./layout.ts";

/** A directory that is mounted twice, as on two nodes between which `flock` does not reach. Disposal unmounts both. */
export interface TwoMounts extends AsyncDisposable {
  readonly paths: readonly [string, string];
}

/** Creates the directory for user 1000, in `parent`, and its mounts beside it. */
export async function mountTwice(
  parent: string,
  names: readonly [string, string] = ["first", "second"],
): Promise<TwoMounts> {
  const program = path.join(directories.bin, "loopback");
  if (!existsSync(program))
    await run([await findGo(), "build", "-trimpath", "-mod=readonly", "-o", program, "."], {
      cwd: path.join(import.meta.dir, "loopback"),
      env: { CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOFLAGS: "-buildvcs=false" },
      timeoutMs: 300_000,
    });
  const source = path.join(parent, "shared");
  await mkdir(source, { mode: 0o700 });
  await chown(source, 1000, 1000);
  const paths = [path.join(parent, names[0]), path.join(parent, names[1])] as const;
  const servers: Bun.Subprocess[] = [];
  for (const target of paths) {
    await mkdir(target);
    servers.push(Bun.spawn([program, source, target], { stdout: "inherit", stderr: "inherit" }));
  }
  const isMounted = async (target: string) =>
    (await Bun.file("/proc/self/mounts").text()).includes(` ${target} fuse`);
  while (!(await Promise.all(paths.map(isMounted))).every(Boolean)) await Bun.sleep(20);
  return {
    paths,
    async [Symbol.asyncDispose]() {
      for (const target of paths) await run(["umount", "--lazy", target]);
      await Promise.all(servers.map(({ exited }) => Promise.race([exited, Bun.sleep(2000)])));
      for (const server of servers) server.kill("SIGKILL");
    },
  };
}
