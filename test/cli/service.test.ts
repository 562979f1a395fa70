import { expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { toDefinition } from "../../src/cli/service/launchd.ts";
import { findInstalledProgram, prepareEnvironmentFile } from "../../src/cli/service/prepare.ts";
import { tmpdir } from "../../src/testing/index.ts";

test("the file of variables is created for root only, with the token of the environment, and a token in it stays", async () => {
  await using place = await tmpdir();
  const file = join(place.path, "signalman", "environment");
  expect(prepareEnvironmentFile(file, {})).toBe(false);
  expect(prepareEnvironmentFile(file, { SEMAPHORE_AGENT_TOKEN: "first" })).toBe(true);
  expect(prepareEnvironmentFile(file, { SEMAPHORE_AGENT_TOKEN: "second" })).toBe(true);
  expect(readFileSync(file, "utf8")).toEndWith("\nSEMAPHORE_AGENT_TOKEN=first\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a program that others can replace is refused, with the command that installs it; so is a runtime", async () => {
  await using place = await tmpdir();
  const file = join(place.path, "signalman");
  await Bun.write(file, "");
  chmodSync(file, 0o777);
  expect(() => findInstalledProgram(file)).toThrow(
    `install -o root -g root -m 0711 ${file} /usr/local/bin/signalman`,
  );
  expect(() => findInstalledProgram("/usr/bin/bun")).toThrow("this is not the compiled program");
});

test("the daemon of macOS has the command, the user and the variables, as XML", () => {
  const text = toDefinition(
    { program: "/usr/local/bin/signalman", user: "ci", configFile: "/etc/a & b/config.yaml" },
    [["SEMAPHORE_AGENT_TOKEN", "<token>"]],
  );
  expect(text).toContain(
    "<array><string>/usr/local/bin/signalman</string><string>start</string><string>--config-file</string><string>/etc/a &amp; b/config.yaml</string></array>",
  );
  expect(text).toContain("<key>SEMAPHORE_AGENT_TOKEN</key><string>&lt;token&gt;</string>");
  expect(text).toContain("<key>UserName</key><string>ci</string>");
  expect(text).toContain("<key>AbandonProcessGroup</key><true/>");
});
