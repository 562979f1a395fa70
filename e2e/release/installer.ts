import { describe, expect, test } from "bun:test";
import { appendFile, copyFile, cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "../support/cluster/command.ts";
import { isRoot, needsRoot } from "../support/users.ts";
import { createDebianRoot } from "./debian-root.ts";
import { makeKey } from "./make-release.ts";

/** Two releases, of which the first is signed, and the key of its signature. */
export interface InstallableReleases {
  readonly version: string;
  readonly next: string;
  /** Returns a path below the directory that has each release in a directory named by its version. */
  readonly at: (...names: string[]) => string;
  readonly key: () => string;
}

const minutes = 60_000;

/** Tests `install.sh` of the signed release in roots of Debian. */
export function testInstaller(releases: InstallableReleases): void {
  describe.if(isRoot)(`the installer${needsRoot}`, () => {
    test(
      "installs the package of a release whose signature and checksum are right",
      () => installPackage(releases),
      5 * minutes,
    );
    test(
      "unpacks an archive, and writes the configuration and the service that the reference's stacks expect",
      () => installArchive(releases),
      5 * minutes,
    );
    test(
      "installs nothing that was changed, is signed by another key, is not signed, or has another version",
      () => refuseChanged(releases),
      5 * minutes,
    );
  });
}

/** The directory of the release in a root. */
const base = "/tmp/release";
const env = { SIGNALMAN_BASE_URL: base };

async function installPackage({ version, at }: InstallableReleases): Promise<void> {
  await using debian = await createDebianRoot();
  await debian.put(at(version), base);
  // Without apt-get, whose lists need a network.
  await debian.sh("rm /usr/bin/apt-get");
  expect(await debian.sh(`sh ${base}/install.sh`, env)).toContain(
    `installing signalman_${version}_amd64.deb`,
  );
  expect(await debian.sh("signalman version")).toBe(`${version}\n`);
}

async function installArchive({ version, at }: InstallableReleases): Promise<void> {
  await using debian = await createDebianRoot();
  await debian.put(at(version), base);
  await debian.sh("useradd --create-home ci; touch /usr/bin/systemctl; chmod 755 /usr/bin/systemctl");
  const settings = {
    SEMAPHORE_ORGANIZATION: "acme",
    SEMAPHORE_REGISTRATION_TOKEN: "a-secret-token",
    SEMAPHORE_AGENT_INSTALLATION_USER: "ci",
    SEMAPHORE_AGENT_DISCONNECT_AFTER_JOB: "true",
  };
  await debian.sh(`sh ${base}/install.sh`, { ...env, ...settings, SIGNALMAN_METHOD: "archive" });
  const unit = await debian.sh("cat /etc/systemd/system/semaphore-agent.service");
  expect(unit).toContain(
    "ExecStart=/opt/semaphore/agent/agent start --config-file /opt/semaphore/agent/config.yaml",
  );
  const pages = await debian.sh("cd /opt/semaphore/agent && ls completions man/signalman.1");
  expect(pages).toContain("signalman.bash");
  const config = await debian.sh("cat /opt/semaphore/agent/config.yaml");
  expect(config).toContain('endpoint: "acme.semaphoreci.com"');
  expect(config).toContain("disconnect-after-job: true");
  expect(config).not.toContain("a-secret-token");
  expect(
    await debian.sh(
      "stat -c '%a %U' /opt/semaphore/agent/{environment,agent}".replace(
        "{environment,agent}",
        "environment /opt/semaphore/agent/agent",
      ),
    ),
  ).toBe("600 root\n711 root\n");
  const check = "/opt/semaphore/agent/agent config check --config-file /opt/semaphore/agent/config.yaml";
  await debian.sh(check, { SEMAPHORE_AGENT_TOKEN: "a-secret-token" });
  const shown = await debian.fails("sh /opt/semaphore/agent/install.sh", {
    ...settings,
    SEMAPHORE_REGISTRATION_TOKEN: 'a-"secret"-token',
  });
  expect(shown).toContain("SEMAPHORE_REGISTRATION_TOKEN contains quotes");
  expect(shown).not.toContain("secret");
  // Beside the program it needs neither a release nor a network.
  const again = await debian.sh("sh /opt/semaphore/agent/install.sh", {
    ...settings,
    SEMAPHORE_ENDPOINT: "ci.example.com",
  });
  expect(again).toContain("writing /opt/semaphore/agent/config.yaml");
  expect(await debian.sh("cat /opt/semaphore/agent/config.yaml")).toContain('endpoint: "ci.example.com"');
}

async function refuseChanged({ version, next, at, key }: InstallableReleases): Promise<void> {
  const debianPackage = `signalman_${version}_amd64.deb`;
  await using debian = await createDebianRoot();
  await debian.put(at(version), base);
  await debian.put(at(next), `${base}/${next}`);
  await debian.sh("rm /usr/bin/apt-get");
  const before = await debian.list();
  const install = `sh ${base}/install.sh`;
  const release = path.join(debian.path, base);
  const deb = path.join(release, debianPackage);
  const archive = path.join(release, "agent_Linux_x86_64.tar.gz");
  for (const [file, method] of [
    [deb, "package"],
    [archive, "archive"],
  ] as const) {
    await flipByte(file);
    expect(await debian.fails(install, { ...env, SIGNALMAN_METHOD: method })).toContain(
      "nothing was installed",
    );
    await copyFile(at(version, path.basename(file)), file);
  }
  const sums = path.join(release, "SHA256SUMS");
  await appendFile(sums, "\n");
  expect(await debian.fails(install, env)).toContain("is not by a key of Signalman");
  await copyFile(at(version, "SHA256SUMS"), sums);
  const other = await makeKey(at(), "other");
  await rm(`${sums}.sig`);
  await run(["ssh-keygen", "-Y", "sign", "-q", "-f", other, "-n", "signalman-release", sums]);
  expect(await debian.fails(install, env)).toContain("is not by a key of Signalman");
  await rm(`${sums}.sig`);
  await run(["ssh-keygen", "-Y", "sign", "-q", "-f", key(), "-n", "file", sums]);
  expect(await debian.fails(install, env)).toContain("is not by a key of Signalman");
  await rm(`${sums}.sig`);
  expect(await debian.fails(install, env)).toContain(`cannot read ${base}/SHA256SUMS.sig`);
  await cp(at(version), path.join(release, "9.9.5"), { recursive: true });
  expect(await debian.fails(install, { ...env, SIGNALMAN_VERSION: "9.9.5" })).toContain(
    `are of version ${version}, and SIGNALMAN_VERSION is 9.9.5`,
  );
  expect(await debian.fails(install, { SIGNALMAN_BASE_URL: "http://example.com" })).toContain(
    "loopback only",
  );
  expect(await debian.list()).toEqual(before);
}

/** Changes one byte in the middle of a file. */
async function flipByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(file, bytes);
}
