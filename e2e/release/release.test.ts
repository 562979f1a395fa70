import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { run } from "../support/cluster/command.ts";
import { needCommand } from "../support/engine/packages.ts";
import { root } from "../support/fixtures.ts";
import { createDebianRoot, type DebianRoot } from "./debian-root.ts";
import { testInstaller } from "./installer.ts";
import { makeKey, makeRelease } from "./make-release.ts";
import { isRoot, needsRoot } from "../support/users.ts";

// Everything here is tried on the files of a release of the commit that is checked out, never on the tree.

const minutes = 60_000;
const version = "9.9.1";
const next = "9.9.2";
let place: Awaited<ReturnType<typeof tmpdir>>;
let key: string;
/** What the making of the next version printed, which is not signed. */
let unsigned: string;
const debOf = (each: string) => `signalman_${each}_amd64.deb`;
const at = (...names: string[]) => path.join(place.path, ...names);

beforeAll(async () => {
  place = await tmpdir();
  key = await makeKey(place.path);
  await makeRelease({ checkout: root, version, outdir: at(version), only: "x64", key });
  unsigned = await makeRelease({ checkout: root, version: next, outdir: at(next), only: "x64,packages" });
}, 10 * minutes);
afterAll(() => place[Symbol.asyncDispose]());

describe("a release", () => {
  test(
    "is the same bytes when another checkout makes it, but for signatures, keys and the time of the build",
    async () => {
      const clone = at("clone");
      await run(["git", "clone", "--quiet", root, clone]);
      await cp(path.join(root, ".toolchain"), path.join(clone, ".toolchain"), { recursive: true });
      await makeRelease({ checkout: clone, version, outdir: at("again"), only: "x64", key });
      const sums = (directory: string) => readFile(at(directory, "SHA256SUMS"), "utf8");
      expect(await sums("again")).toBe(await sums(version));
      const statement = async (directory: string) => {
        const text = await readFile(at(directory, `signalman_${version}.intoto.json`), "utf8");
        const parsed = JSON.parse(text) as { predicate: { runDetails: { metadata?: unknown } } };
        delete parsed.predicate.runDetails.metadata;
        return parsed;
      };
      expect(await statement("again")).toEqual(await statement(version));
    },
    5 * minutes,
  );

  test("names every file but signatures, keys and the statement, with its checksum", async () => {
    const sums = await readFile(at(version, "SHA256SUMS"), "utf8");
    const named = [...sums.matchAll(/^[0-9a-f]{64} {2}(.+)$/gm)].map(([, name]) => name!);
    const unnamed = ["SHA256SUMS", "SHA256SUMS.sig", "signalman.pub", `signalman_${version}.intoto.json`];
    expect([...named, ...unnamed].toSorted()).toEqual((await readdir(at(version))).toSorted());
    await run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: at(version) });
    await run(["sh", "-c", verifyByHand], { cwd: at(version) });
  });

  test("has the names that installers expect, and a bill of materials with the packages in the program", async () => {
    expect(await readdir(at(version))).toEqual(
      expect.arrayContaining([
        "agent_Linux_x86_64.tar.gz",
        "agent_Linux_x86_64_musl.tar.gz",
        `signalman_${version}_amd64.deb`,
        `signalman_${version}_amd64.rpm`,
        `signalman_${version}_amd64.apk`,
        `signalman-${version}.tgz`,
        `signalman-agent-${version}.tgz`,
      ]),
    );
    const listed = await run(["tar", "-tzf", at(version, "agent_Linux_x86_64.tar.gz")]);
    expect(listed.split("\n")).toEqual(expect.arrayContaining(["agent", "install.sh"]));
    expect(listed.split("\n")).toEqual(
      expect.arrayContaining(["completions/_signalman", "man/signalman-start.1", "man/signalman.yaml.5"]),
    );
    await run(["tar", "-xzf", at(version, "agent_Linux_x86_64.tar.gz"), "-C", place.path, "agent"]);
    const about = JSON.parse(await run([at("agent"), "version", "--json"])) as Record<string, unknown>;
    expect(about).toMatchObject({ version, target: "bun-linux-x64" });
    expect(about["commit"]).toBe((await run(["git", "rev-parse", "HEAD"], { cwd: root })).trim());
    const bill = JSON.parse(await readFile(at(version, `signalman_${version}.cdx.json`), "utf8")) as {
      components: { purl: string; licenses: unknown[] }[];
    };
    const purls = bill.components.map(({ purl }) => purl.replace("pkg:npm/", "").replace("%40", "@"));
    expect(purls.toSorted()).toEqual((about["packages"] as string[]).toSorted());
    expect(bill.components.filter(({ licenses }) => licenses.length !== 1)).toEqual([]);
  });

  test("has an npm package that a strict compiler accepts in a project without the types of its packages", async () => {
    const modules = at("project", "node_modules");
    await mkdir(path.join(modules, "signalman"), { recursive: true });
    const unpack = ["tar", "-xzf", at(version, `signalman-${version}.tgz`), "--strip-components=1", "-C"];
    await run([...unpack, path.join(modules, "signalman")]);
    for (const name of ["bun-types", "@types/node", "undici-types"]) {
      await mkdir(path.dirname(path.join(modules, name)), { recursive: true });
      await symlink(path.join(root, "node_modules", name), path.join(modules, name));
    }
    const compilerOptions = {
      module: "preserve",
      target: "esnext",
      strict: true,
      noEmit: true,
      types: ["bun-types"],
    };
    await writeFile(at("project", "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const compile = async (...lines: string[]) => {
      await writeFile(at("project", "plugin.ts"), lines.join("\n"));
      return run([path.join(root, "node_modules/.bin/tsc"), "-p", at("project")], { timeoutMs: minutes });
    };
    const entries = ["", "/executor", "/host", "/http", "/testing"].map(
      (name) => `export * from "signalman${name}";`,
    );
    const right = 'ctx.hook("agent:registered", ({ slot }) => ctx.log.info(slot.toFixed()));';
    const plugin = (hook: string) => [
      'import { definePlugin } from "signalman";',
      `export default definePlugin({ name: "mine", setup(ctx) { ${hook} } });`,
    ];
    expect(await compile(...entries, ...plugin(right))).toBe("");
    await expect(compile(...plugin(right.replace("registered", "unknown")))).rejects.toThrow("agent:unknown");
  });

  test("stays within its budgets", async () => {
    const megabytes = async (...names: string[]) => (await stat(at(...names))).size / 1e6;
    await run(["tar", "-xzf", at(version, "agent_Linux_x86_64.tar.gz"), "-C", place.path, "agent"]);
    expect(await megabytes("agent")).toBeLessThan(140);
    for (const name of ["agent_Linux_x86_64.tar.gz", "agent_Linux_x86_64_musl.tar.gz", debOf(version)])
      expect(await megabytes(version, name)).toBeLessThan(70);
    expect(await megabytes(version, `signalman-${version}.tgz`)).toBeLessThan(1.5);
    const about = JSON.parse(await run([at("agent"), "version", "--json"])) as { packages: string[] };
    expect(about.packages.length).toBeLessThanOrEqual(90);
  });

  test("says that it is not signed when there is no key, and its installer refuses it", async () => {
    expect(unsigned).toContain("NOT SIGNED: SIGNALMAN_SIGNING_KEY is not set");
    expect(await readdir(at(next))).not.toContain("SHA256SUMS.sig");
    if (!isRoot) return;
    const refused = run(["sh", at(next, "install.sh")], { env: { SIGNALMAN_BASE_URL: at(next) } });
    await expect(refused).rejects.toThrow("knows no key");
  });
});

const verifyByHand = [
  `sed 's/^/signalman namespaces="signalman-release" /' signalman.pub > ../signers`,
  "ssh-keygen -Y verify -f ../signers -I signalman -n signalman-release -s SHA256SUMS.sig < SHA256SUMS",
].join(" && ");

describe.if(isRoot)(`packages${needsRoot}`, () => {
  test(
    "of Debian pass lintian",
    async () => {
      await needCommand("lintian", "lintian");
      const output = await run(["lintian", "--fail-on", "error", at(version, debOf(version))], {
        timeoutMs: 5 * minutes,
      });
      expect(output).not.toMatch(/^E:/m);
    },
    10 * minutes,
  );

  test(
    "of Debian are installed, upgraded, downgraded and removed with what belongs to the user kept, and purged without a trace",
    async () => {
      await using debian = await createDebianRoot();
      const before = await debian.list();
      for (const each of [version, next]) await debian.put(at(each, debOf(each)), "/tmp");
      await debian.sh(`dpkg --install /tmp/${debOf(version)}`);
      const installed = await debian.list();
      expect(installed).toContain("711 root:root f /usr/bin/signalman");
      expect(installed).toContain("600 root:root f /etc/signalman/environment");
      expect(installed).toContain("700 signalman:signalman d /var/lib/signalman/home");
      for (const file of [
        "bash-completion/completions/signalman",
        "zsh/vendor-completions/_signalman",
        "fish/vendor_completions.d/signalman.fish",
        "man/man1/signalman-start.1.gz",
        "man/man5/signalman.yaml.5.gz",
      ])
        expect(installed).toContain(`644 root:root f /usr/share/${file}`);
      expect(await debian.sh("signalman version")).toBe(`${version}\n`);
      expect(await runHello(debian)).toContain("hello from signalman in /var/lib/signalman/home");

      await debian.sh("echo '# mine' >> /etc/signalman/config.yaml; touch /var/lib/signalman/state");
      await debian.sh(`dpkg --force-confdef --force-confold --install /tmp/${debOf(next)}`);
      expect(await debian.sh("signalman version; tail -1 /etc/signalman/config.yaml")).toBe(
        `${next}\n# mine\n`,
      );
      await debian.sh(`dpkg --force-confdef --force-confold --install /tmp/${debOf(version)}`);
      expect(await debian.sh("signalman version")).toBe(`${version}\n`);

      const removal = await debian.sh("dpkg --remove signalman");
      expect(removal).toContain(
        "the configuration remains in /etc/signalman, the state and the logs of jobs in /var/lib/signalman",
      );
      const removed = await debian.list();
      expect(removed.filter((line) => line.includes("/usr/") && line.includes("signalman"))).toEqual([]);
      expect(await debian.sh("cat /etc/signalman/config.yaml; ls /var/lib/signalman/state")).toContain(
        "# mine",
      );
      await debian.sh("dpkg --purge signalman");
      expect(await debian.list()).toEqual(before);
      expect(await debian.fails("getent passwd signalman || getent group signalman")).toBe("");
    },
    10 * minutes,
  );

  test(
    "of Debian are purged while a process of their user runs, who remains",
    async () => {
      await using debian = await createDebianRoot();
      await debian.put(at(version, debOf(version)), "/tmp");
      await debian.sh(`dpkg --install /tmp/${debOf(version)}`);
      const output = await debian.sh(
        "setpriv --reuid signalman sleep 600 > /dev/null & trap 'kill $!' EXIT; dpkg --purge signalman",
      );
      expect(output).toContain("the user signalman remains: userdel: user signalman is currently used by");
      expect(output).toContain("remove it when its processes have ended: userdel signalman");
      expect(await debian.fails("dpkg-query --show signalman")).toContain("no packages found");
      expect(await debian.sh("ls /var/lib /etc")).not.toContain("signalman");
      await debian.sh("userdel signalman");
      expect(await debian.fails("getent passwd signalman || getent group signalman")).toBe("");
    },
    10 * minutes,
  );

  test(
    "of Red Hat are installed, upgraded and removed in a root of their own",
    async () => {
      await needCommand("rpm", "rpm");
      await using place = await createDebianRoot();
      const rpm = (words: string) =>
        run(["rpm", "--root", place.path, ...words.split(" ")], { timeoutMs: 2 * minutes });
      const file = (each: string) => at(each, `signalman_${each}_amd64.rpm`);
      await rpm(`--install --nodeps --ignorearch ${file(version)}`);
      expect(await rpm("--query signalman")).toContain(`signalman-${version}`);
      expect(await place.sh("stat -c '%a %U' /usr/bin/signalman; id -un signalman; signalman version")).toBe(
        `711 root\nsignalman\n${version}\n`,
      );
      const files = await rpm("--query --list signalman");
      for (const file of ["zsh/site-functions/_signalman", "man/man1/signalman.1.gz"])
        expect(files).toContain(`/usr/share/${file}\n`);
      await place.sh("echo '# mine' >> /etc/signalman/config.yaml");
      await rpm(`--upgrade --nodeps --ignorearch ${file(next)}`);
      expect(await place.sh("signalman version; tail -1 /etc/signalman/config.yaml")).toBe(
        `${next}\n# mine\n`,
      );
      await rpm("--erase signalman");
      expect(await place.fails("ls /usr/bin/signalman")).toContain("No such file");
      expect(await place.sh("ls -d /var/lib/signalman /etc/signalman/config.yaml*")).toContain("config.yaml");
    },
    10 * minutes,
  );

  test("of Alpine contain the program for musl, with the time of the commit", async () => {
    const listed = await run([
      "tar",
      "--numeric-owner",
      "-tvzf",
      at(version, `signalman_${version}_amd64.apk`),
    ]);
    expect(listed).toContain(" usr/share/zsh/site-functions/_signalman\n");
    expect(listed).toContain(" usr/share/man/man5/signalman.yaml.5.gz\n");
    expect(listed).toMatch(/^-rwx--x--x 0\/0 +\d{9} .* usr\/bin\/signalman$/m);
    const time = (
      await run(["git", "log", "-1", "--format=%cd", "--date=format:%Y-%m-%d"], { cwd: root })
    ).trim();
    // Names of what describes the package begin with a dot.
    const times = [...listed.matchAll(/^.{10} \S+ +\d+ (\S+) \S+ [^.\n]/gm)].map(([, date]) => date);
    expect(new Set(times)).toEqual(new Set([time]));
  });
});

/** Runs a job as the user of the package. */
async function runHello(debian: DebianRoot): Promise<string> {
  const job = JSON.stringify({ commands: ["echo hello from $(id -un) in $HOME"] });
  return debian.sh(`echo '${job}' > /tmp/job.json; su - signalman -c 'signalman run /tmp/job.json'`);
}

testInstaller({ version, next, at, key: () => key });
