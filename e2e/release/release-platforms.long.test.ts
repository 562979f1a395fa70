import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene } from "../support/agents.ts";
import { run } from "../support/cluster/command.ts";
import { root } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outputOf, until } from "../support/jobs.ts";
import { downloadPackages, unpackPackages } from "./debian-packages.ts";
import { createDebianRoot, type DebianRoot } from "./debian-root.ts";
import { makeRelease } from "./make-release.ts";
import { isRoot } from "../support/users.ts";

// What no other test of a release runs: the programs for arm64 and musl, and Alpine's package under OpenRC.

const canRun = isRoot && process.arch === "x64" && Bun.which("apt-get") !== null;
const needs = canRun ? "" : " (skipped: needs root, an x64 host and apt-get)";
const minutes = 60_000;
const version = "9.9.1";
const greeting = JSON.stringify({ commands: ["echo hello from $((6 * 7))"] });
let place: Awaited<ReturnType<typeof tmpdir>>;
const at = (...names: string[]) => path.join(place.path, ...names);

beforeAll(async () => {
  if (!canRun) return;
  place = await tmpdir();
  await makeRelease({ checkout: root, version, outdir: at("release"), only: "archives,packages" });
}, 20 * minutes);
afterAll(() => place?.[Symbol.asyncDispose]());

/** Unpacks the program of an archive into a directory, and returns its path. */
async function unpackProgram(archive: string, directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  await run(["tar", "-xzf", at("release", `${archive}.tar.gz`), "-C", directory, "agent"]);
  return path.join(directory, "agent");
}

describe.if(canRun)(`programs for other platforms${needs}`, () => {
  test(
    "the one for arm64 runs a job on an emulated processor",
    async () => {
      // Bun aborts under QEMU 7.2 of Debian 12.
      const wanted = ["qemu-user:amd64", "libc6:arm64", "libstdc++6:arm64", "libgcc-s1:arm64"];
      const libraries = at("arm64-root");
      await unpackPackages(await downloadPackages(at("arm64"), "trixie", wanted), libraries);
      await symlink("usr/lib", path.join(libraries, "lib"));
      const agent = await unpackProgram("agent_Linux_arm64", at("arm64-program"));
      const emulator = path.join(libraries, "usr/bin/qemu-aarch64");
      const call = (words: readonly string[]) =>
        run([emulator, "-L", libraries, agent, ...words], {
          env: { HOME: at("arm64-program") },
          stdin: greeting,
          timeoutMs: 3 * minutes,
        });
      expect(await call(["version"])).toBe(`${version}\n`);
      expect(JSON.parse(await call(["version", "--json"]))).toMatchObject({ target: "bun-linux-arm64" });
      expect(await call(["run", "-"])).toContain("hello from 42");
    },
    10 * minutes,
  );

  test(
    "the one for musl runs a job where its C library is musl",
    async () => {
      await using system = await createDebianRoot();
      await unpackPackages(await downloadPackages(at("musl"), "trixie", ["musl:amd64"]), system.path);
      await putCompilerLibraries(path.join(system.path, "usr/lib/musl"));
      await writeFile(path.join(system.path, "etc/ld-musl-x86_64.path"), "/usr/lib/musl\n");
      const agent = await unpackProgram("agent_Linux_x86_64_musl", at("musl-program"));
      await copyFile(agent, path.join(system.path, "usr/bin/signalman"));
      await writeFile(path.join(system.path, "tmp/job.json"), greeting);
      expect(await run(["file", "--brief", agent])).toContain("ld-musl-x86_64.so.1");
      expect(await system.sh("signalman version")).toBe(`${version}\n`);
      expect(await system.sh("signalman run /tmp/job.json")).toContain("hello from 42");
    },
    10 * minutes,
  );
});

/** libstdc++ and libgcc for musl come with numpy's package for musl: Debian has none. */
async function putCompilerLibraries(directory: string): Promise<void> {
  const wheel = at("wheel");
  const platform = ["--platform", "musllinux_1_2_x86_64", "--python-version", "3.12"];
  const download = ["pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", ...platform];
  await run([...download, "--dest", wheel, "numpy"], { timeoutMs: 5 * minutes });
  await run(["sh", "-c", `unzip -q ${wheel}/*.whl 'numpy.libs/*' -d ${wheel}`]);
  await mkdir(directory, { recursive: true });
  for (const [pattern, name] of [
    ["libstdc++-*", "libstdc++.so.6"],
    ["libgcc_s-*", "libgcc_s.so.1"],
  ] as const) {
    const [file] = [...new Bun.Glob(`numpy.libs/${pattern}`).scanSync(wheel)];
    if (file === undefined) throw new Error(`numpy's package for musl has no "${pattern}" in numpy.libs`);
    await copyFile(path.join(wheel, file), path.join(directory, path.basename(file)));
    await symlink(path.basename(file), path.join(directory, name));
  }
}

const counting = "i=0; while [ ! -e ~/go ]; do echo line $((++i)); sleep 0.2; done; rm -f ~/go; echo end";

describe.if(canRun)(`Alpine's package under OpenRC${needs}`, () => {
  test(
    "starts with a token only; restart, upgrade and removal let the running job end",
    async () => {
      await using scene = await createScene({ hub: ["--sync-interval", "500"] });
      await using system = await createOpenRc();
      const { hub } = scene;
      const startJob = async () => {
        const id = await hub.submit({ commands: [counting] });
        await hub.shows(id, "line 5\n");
        return id;
      };
      const finish = async (id: string) => {
        await system.sh("touch /var/lib/signalman/home/go");
        expect((await hub.done(id)).result).toBe("passed");
        const lines = outputOf(await hub.log(id), counting)
          .trimEnd()
          .split("\n");
        expect(lines).toEqual([...lines.slice(0, -1).map((_, index) => `line ${index + 1}`), "end"]);
      };
      const pid = () => system.sh("cat /run/openrc/options/signalman/child_pid");
      const isReplaced = (before: string) =>
        until("another agent runs", async () => (await pid()) !== before);

      const installed = await system.sh(`sh /tmp/apk/.post-install ${version}`);
      expect(installed).toContain("start with 'rc-update add signalman && rc-service signalman start'");
      expect(await system.fails("rc-service signalman start")).toContain("no registration token");
      await system.sh(
        `printf 'endpoint: ${hub.endpoint}\\nno-https: true\\n' >> /etc/signalman/config.yaml
         echo SEMAPHORE_AGENT_TOKEN=${registrationToken} >> /etc/signalman/environment
         rc-update add signalman default && rc-service signalman start`,
      );

      let id = await startJob();
      let before = await pid();
      await system.sh("rc-service signalman restart");
      await isReplaced(before);
      await finish(id);

      id = await startJob();
      before = await pid();
      await system.sh(`sh /tmp/apk/.post-upgrade ${version} 9.9.0`);
      await isReplaced(before);
      await finish(id);

      await system.sh("sed -i s/=handover/=after-job/ /etc/conf.d/signalman");
      id = await startJob();
      before = await pid();
      await system.sh(`sh /tmp/apk/.post-upgrade ${version} 9.9.0`);
      expect(await pid()).toBe(before);
      await finish(id);
      await isReplaced(before);

      id = await startJob();
      const removal = await system.sh(`sh /tmp/apk/.pre-deinstall ${version}`);
      expect(removal).toContain("the agent finishes its running job and exits then");
      expect(await system.fails("rc-service signalman status")).toContain("stopped");
      const agent = (await pid().catch(() => "")).trim();
      await finish(id);
      await until(
        "no agent runs",
        async () => agent === "" || !(await Bun.file(`/proc/${agent}/status`).exists()),
      );
      expect(await system.sh("rc-update show default")).not.toContain("signalman");
    },
    10 * minutes,
  );
});

/** A Debian with OpenRC, and the files of Alpine's package with the program for Debian's C library. */
async function createOpenRc(): Promise<DebianRoot> {
  const system = await createDebianRoot();
  try {
    const wanted = ["openrc", "insserv", "librc1", "libeinfo1"].map((name) => `${name}:amd64`);
    for (const file of await downloadPackages(at("openrc"), "bookworm", wanted))
      await system.put(file, "/tmp/packages");
    await system.sh("dpkg --install /tmp/packages/*.deb; mkdir -p /run/openrc; touch /run/openrc/softlevel");
    const apk = at("release", `signalman_${version}_amd64.apk`);
    await mkdir(path.join(system.path, "tmp/apk"));
    await run(["tar", "--warning=no-unknown-keyword", "-xzf", apk, "-C", path.join(system.path, "tmp/apk")]);
    await system.sh("cp -a /tmp/apk/etc /tmp/apk/usr /");
    const program = path.join(system.path, "usr/bin/signalman");
    await copyFile(await unpackProgram("agent_Linux_x86_64", at("program")), program);
    await chmod(program, 0o711);
  } catch (error) {
    await system[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...system,
    async [Symbol.asyncDispose]() {
      await system.sh("[ ! -e /etc/init.d/signalman ] || rc-service --ifstarted signalman stop || true");
      await system[Symbol.asyncDispose]();
    },
  };
}
