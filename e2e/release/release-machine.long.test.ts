import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { writeArchive } from "../../scripts/release/archive.ts";
import { writeChecksums } from "../../scripts/release/checksums.ts";
import { sign } from "../../scripts/release/signatures.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene, type Scene } from "../support/agents.ts";
import { root } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outputOf, until } from "../support/jobs.ts";
import { hostAddress, type Machine, startMachine } from "../machine/machine.ts";
import { makeKey, makeRelease } from "./make-release.ts";
import { isRoot } from "../support/users.ts";

// The package of Debian under a real systemd, from its installation to its removal, with jobs that go on meanwhile.

const canStart = isRoot && process.arch === "x64";
const needs = canStart ? "" : " (skipped: needs root and an x64 host)";
const minutes = 60_000;
const [older, newer] = ["9.9.1", "9.9.2"] as const;
/** Signed as a release, with a program that names its version and does not start. */
const broken = "9.9.3";
const released = ["SHA256SUMS", "SHA256SUMS.sig", "agent_Linux_x86_64.tar.gz"];
let machine: Machine;
let scene: Scene;

beforeAll(async () => {
  if (!canStart) return;
  await using place = await tmpdir();
  machine = await startMachine();
  scene = await createScene({ hub: ["--sync-interval", "1000", "--hosts", hostAddress] });
  const key = await makeKey(place.path);
  for (const version of [older, newer]) {
    const outdir = path.join(place.path, version);
    await makeRelease({ checkout: root, version, outdir, only: "x64,packages,archives", key });
    await put(path.join(outdir, `signalman_${version}_amd64.deb`), `/var/tmp/${version}.deb`);
    for (const name of released) await put(path.join(outdir, name), `/var/tmp/${version}/${name}`);
  }
  await makeBrokenRelease(path.join(place.path, broken), key);
  for (const name of released) await put(path.join(place.path, broken, name), `/var/tmp/${broken}/${name}`);
}, 40 * minutes);

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
  await machine?.[Symbol.asyncDispose]();
}, minutes);

/** Copies a file into the machine. */
async function put(file: string, to: string): Promise<void> {
  const content = (await readFile(file)).toString("base64");
  await machine.run(`mkdir -p ${path.dirname(to)}; base64 -d > ${to}`, content);
}

async function makeBrokenRelease(directory: string, key: string): Promise<void> {
  await mkdir(directory);
  const program = `#!/bin/sh\n[ "$1" = version ] && echo ${broken}\n`;
  await writeArchive(
    path.join(directory, "agent_Linux_x86_64.tar.gz"),
    [{ name: "agent", mode: 0o755, content: Buffer.from(program) }],
    0,
  );
  const sums = await writeChecksums(directory, { version: broken, files: ["agent_Linux_x86_64.tar.gz"] });
  sign(sums, key);
}

describe.if(canStart)(`the package under systemd${needs}`, () => {
  const show = async (property: string) =>
    (await machine.run(`systemctl show --value -p ${property} signalman`)).trim();
  const install = (version: string) =>
    machine.run(`dpkg --force-confdef --force-confold --install /var/tmp/${version}.deb 2>&1`);
  const counting = "i=0; while [ ! -e ~/go ]; do echo line $((++i)); sleep 0.2; done; rm -f ~/go; echo end";
  const startCounting = async () => {
    const id = await scene.hub.submit({ commands: [counting] });
    await scene.hub.shows(id, "line 5\n");
    return id;
  };
  /** Lets a counting job end, and expects that nothing of its log is missing. */
  const finish = async (id: string) => {
    await machine.run(
      "for home in /var/lib/signalman/home ~ci; do [ -d $home ] && touch $home/go; done; true",
    );
    expect((await scene.hub.done(id)).result).toBe("passed");
    const lines = outputOf(await scene.hub.log(id), counting)
      .trimEnd()
      .split("\n");
    expect(lines).toEqual([...lines.slice(0, -1).map((_, index) => `line ${index + 1}`), "end"]);
  };
  const waitForOtherThan = (pid: string) =>
    until("another agent runs", async () => !["0", pid].includes(await show("MainPID")));

  test(
    "is installed, and does not start without a token",
    async () => {
      const output = await install(older);
      expect(output).toContain("next, put the token into /etc/signalman/environment");
      expect(await show("ActiveState")).toBe("inactive");
      await machine.run("systemctl start signalman");
      expect([await show("ActiveState"), await show("MainPID")]).toEqual(["inactive", "0"]);
    },
    5 * minutes,
  );

  test(
    "runs jobs once it is configured, with sudo in them, and is less exposed than the plain unit",
    async () => {
      const { port } = new URL(`http://${scene.hub.endpoint}`);
      const settings = `endpoint: ${hostAddress}:${port}\nno-https: true\ninterruption-grace-period: 1\n`;
      await machine.run("cat >> /etc/signalman/config.yaml", settings);
      await machine.run(`echo SEMAPHORE_AGENT_TOKEN=${registrationToken} >> /etc/signalman/environment`);
      await machine.run("echo 'signalman ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/signalman");
      await machine.run("systemctl enable --now signalman");
      expect(await show("ActiveState")).toBe("active");
      const tried = ["sudo -n id -u", "pwd", "ulimit -c; id -un"];
      const id = await scene.hub.submit({ commands: tried });
      expect((await scene.hub.done(id)).result).toBe("passed");
      const log = await scene.hub.log(id);
      expect(tried.slice(0, 2).map((command) => outputOf(log, command))).toEqual([
        "0\n",
        "/var/lib/signalman/home\n",
      ]);
      const exposure = async (unit: string) =>
        Number(
          /exposure level for \S+: ([\d.]+)/.exec(
            await machine.run(`systemd-analyze security ${unit} 2>&1`),
          )?.[1],
        );
      await machine.run(
        "cp /src/docs/examples/signalman.service /etc/systemd/system/plain.service; systemctl daemon-reload",
      );
      const [plain, hardened] = [await exposure("plain.service"), await exposure("signalman.service")];
      console.log(`systemd-analyze security: ${plain} before, ${hardened} after`);
      expect(hardened).toBeLessThan(plain);
      await machine.run(
        "rm /etc/systemd/system/plain.service /etc/sudoers.d/signalman; systemctl daemon-reload",
      );
    },
    10 * minutes,
  );

  test(
    "an upgrade hands the running job over",
    async () => {
      const before = await show("MainPID");
      const id = await startCounting();
      await install(newer);
      await waitForOtherThan(before);
      await finish(id);
      expect(await machine.run("signalman version")).toBe(`${newer}\n`);
    },
    10 * minutes,
  );

  test(
    "a downgrade with RESTART_ON_UPGRADE=after-job waits for the running job",
    async () => {
      await machine.run("sed -i s/=handover/=after-job/ /etc/default/signalman");
      const before = await show("MainPID");
      const id = await startCounting();
      await install(older);
      expect(await show("MainPID")).toBe(before);
      await finish(id);
      await waitForOtherThan(before);
      expect(await machine.run("signalman version")).toBe(`${older}\n`);
    },
    10 * minutes,
  );

  test(
    "an installation that fails leaves the running job alone",
    async () => {
      const id = await startCounting();
      await machine.run("echo exit 3 >> /etc/default/signalman");
      const failed = await machine.run(
        `dpkg --force-confold --install /var/tmp/${newer}.deb 2>&1 || echo "status $?"`,
      );
      expect(failed).toContain("status 1");
      await finish(id);
      await machine.run("sed -i '/^exit 3/d' /etc/default/signalman; dpkg --configure -a");
      await until("the agent runs again", async () => (await show("ActiveState")) === "active");
    },
    10 * minutes,
  );

  test(
    "a removal lets the running job end, and keeps configuration and state; a purge leaves nothing",
    async () => {
      const id = await startCounting();
      const output = await machine.run("dpkg --remove signalman 2>&1");
      expect(output).toContain("the agent finishes its running job and exits then");
      expect(output).toContain("the configuration remains in /etc/signalman");
      expect(await machine.run("ls /etc/signalman")).toContain("config.yaml");
      expect(await machine.run("dpkg --purge signalman 2>&1 || echo refused")).toContain(
        "purge again when it has ended",
      );
      await finish(id);
      await until("the agent has exited", async () => (await show("MainPID")) === "0");
      await machine.run("dpkg --purge signalman");
      const found = await machine.run(
        "find / -xdev -name '*signalman*' -not -path '/src/*' -not -path '/proc/*' -not -path '/var/tmp/*' -not -path '/tmp/*' -not -path '/var/lib/dpkg/*'; getent passwd signalman || true; systemctl list-units --all --no-legend 'signalman*'",
      );
      expect(found).toBe("");
    },
    10 * minutes,
  );

  const command = (words: string) => machine.run(`signalman ${words} 2>&1 || echo "status $?"`);

  test(
    "a program without a package is installed as a service",
    async () => {
      const unpack = `tar -xzf /var/tmp/${older}/agent_Linux_x86_64.tar.gz -C /var/tmp agent`;
      await machine.run(`${unpack}; install -o root -g root -m 0711 /var/tmp/agent /usr/local/bin/signalman`);
      expect(await command("service status")).toBe("signalman.service is not installed\nstatus 1\n");
      const { port } = new URL(`http://${scene.hub.endpoint}`);
      const settings = `endpoint: ${hostAddress}:${port}\nno-https: true\n`;
      await machine.run(
        "useradd --create-home ci; mkdir -p /etc/signalman; cat > /etc/signalman/config.yaml",
        settings,
      );
      const output = await machine.run(
        `SEMAPHORE_AGENT_TOKEN=${registrationToken} signalman service install --user ci`,
      );
      expect(output).toBe("signalman.service is installed and started\n");
      expect(await command("service status")).toBe(
        "signalman.service: active, enabled (/etc/systemd/system/signalman.service)\n",
      );
      expect(await command("service install --user ci")).toContain("--force replaces it");
    },
    10 * minutes,
  );

  test(
    "`upgrade` replaces the program, and its service continues the running job",
    async () => {
      const id = await startCounting();
      expect(await command(`upgrade --from /var/tmp/${newer} --check`)).toBe(`${newer}\n`);
      const output = await command(`upgrade --from /var/tmp/${newer}`);
      expect(output).toContain(`signalman.service runs version ${newer}`);
      expect(await command("version")).toBe(`${newer}\n`);
      await finish(id);
      expect(await machine.run("stat -c '%a %U' /usr/local/bin/signalman; ls /usr/local/bin")).toBe(
        "711 root\nsignalman\n",
      );
      expect(await command(`upgrade --from /var/tmp/${older}`)).toContain("--allow-older");
      expect(await command(`upgrade --from /var/tmp/${newer}`)).toContain("is installed already");
    },
    10 * minutes,
  );

  test(
    "`upgrade` installs the old program again when the agent does not register with the new one",
    async () => {
      const id = await startCounting();
      const output = await command(`upgrade --from /var/tmp/${broken}`);
      expect(output).toContain(`version ${newer} is installed again`);
      expect(output).toContain("status 1");
      expect(await command("version")).toBe(`${newer}\n`);
      expect(await show("ActiveState")).toBe("active");
      await finish(id);
      await machine.run(
        `sed -i 's/^0/1/' /var/tmp/${older}/SHA256SUMS; printf x >> /var/tmp/${older}/SHA256SUMS`,
      );
      const changed = await command(`upgrade --from /var/tmp/${older} --allow-older`);
      expect(changed).toContain("the file was changed after it was signed");
      expect(await command("version")).toBe(`${newer}\n`);
    },
    10 * minutes,
  );

  test(
    "the service is removed while its job goes on",
    async () => {
      const id = await startCounting();
      expect(await command("service uninstall")).toContain(
        "the agent finishes its running job and exits then",
      );
      await finish(id);
      await until("the agent has exited", async () => (await show("MainPID")) === "0");
      expect(await command("service status")).toContain("is not installed");
      expect(await machine.run("ls /etc/signalman")).toBe("config.yaml\nenvironment\n");
    },
    10 * minutes,
  );
});
