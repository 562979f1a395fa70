import { describe, expect, test } from "bun:test";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Note } from "../../src/cli/migrate/notes.ts";
import { textOf as textOfFile } from "../project.ts";
import { type Home, openHome } from "./signalman.ts";

const configFile = `
endpoint: acme.semaphoreci.com
token: registration-5ecret
no-https: "false"
name-from-env: POD_NAME
disconnect-after-idle-timeout: 300
env-vars: [CACHE=s3://bucket, DEPLOY_TOKEN=deploy-5ecret]
discconect-after-job: true
kubernetes-executor: true
`;

const unitFile = (home: string) => `
[Unit]
Description=Semaphore agent
KillMode=none

[Service]
ExecStart=${home}/agent start --config-file ${home}/config.yaml \\
  --interruption-grace-period 60
Restart=always
RestartSec=60
WorkingDirectory=${home}
User=semaphore
Environment=SEMAPHORE_AGENT_LOG_FILE_PATH=${home}/agent.log "GREETING=hello world"
Environment=SEMAPHORE_AGENT_LOGLEVEL=debug HTTPS_PROXY=http://user:pa55word@proxy.test:3128
EnvironmentFile=-/etc/default/agent
KillMode=mixed
`;

const service = ["--service", "semaphore-agent.service"];

describe("signalman config migrate", () => {
  test("reports the conversion of each option, variable and setting of the unit", async () => {
    await using home = await openInstallation();
    const { code, notes } = await migrate(home, ...service);
    expect(code).toBe(1);
    expect(subjects(notes, "refused")).toEqual(["discconect-after-job"]);
    expect(textOf(notes, "discconect-after-job")).toContain("config.yaml:8) (nearest: disconnect-after-job)");
    expect(subjects(notes, "deprecated")).toEqual(["name-from-env"]);
    expect(subjects(notes, "stays")).toEqual(
      expect.arrayContaining([
        "endpoint",
        "token",
        "no-https",
        "disconnect-after-idle-timeout",
        "interruption-grace-period",
        "log-file-path",
        "GREETING",
        "HTTPS_PROXY",
      ]),
    );
    expect(subjects(notes, "changes")).toEqual([
      "token",
      "SEMAPHORE_AGENT_LOGLEVEL",
      "ExecStart",
      "KillMode",
      "RestartKillSignal",
      "Delegate",
      "OOMPolicy",
      "TimeoutStopSec",
      "StateDirectory",
    ]);
    expect(textOf(notes, "KillMode")).toContain("KillMode=process, now mixed");
    expect(textOf(notes, "SEMAPHORE_AGENT_LOGLEVEL")).toContain("SEMAPHORE_AGENT_LOG_LEVEL");
  });

  test("changes no file and prints no secret", async () => {
    await using home = await openInstallation();
    const before = await readFile(join(home.path, "config.yaml"), "utf8");
    for (const how of [[], ["--json"], ["--unit"]]) {
      const { stdout } = await home.run("config", "migrate", "--from", ".", ...service, ...how);
      expect(stdout).not.toContain("5ecret");
      expect(stdout).not.toContain("pa55word");
    }
    expect(await readFile(join(home.path, "config.yaml"), "utf8")).toBe(before);
  });

  test("accepts an unsupported option with its default value, as the agent does", async () => {
    await using home = await openHome();
    await home.write({ "config.yaml": 'kubernetes-executor: false\nkubernetes-pod-spec: ""\n' });
    const { code, notes } = await migrate(home, "--from", "config.yaml");
    expect(code).toBe(0);
    expect(subjects(notes, "stays")).toEqual(["kubernetes-executor", "kubernetes-pod-spec"]);
  });

  test("omits an option if one of its values is invalid", async () => {
    await using home = await openHome();
    await home.write({ "config.yaml": "env-vars: [A=b, C]\nendpoint: acme.example\n" });
    const written = await home.run("config", "migrate", "--from", "config.yaml", "--write", "new.yaml");
    expect(written.code).toBe(1);
    const text = await readFile(join(home.path, "new.yaml"), "utf8");
    expect(text).toContain("# omitted, because the agent does not start with it: env-vars\n");
    expect(text).not.toContain("A=b");
    expect((await home.run("config", "check", "--config-file", "new.yaml")).stderr).toBe("");
  });

  test("writes a valid configuration, readable by its owner only, and overwrites no file", async () => {
    await using home = await openInstallation();
    const words = ["--from", "config.yaml", ...service, "--write", "new.yaml"];
    await migrate(home, ...words);
    expect((await stat(join(home.path, "new.yaml"))).mode & 0o777).toBe(0o600);
    const checked = await home.run("config", "--json", "--config-file", "new.yaml");
    expect(checked.code).toBe(0);
    const { options } = JSON.parse(checked.stdout) as { options: { key: string; value: unknown }[] };
    expect(Object.fromEntries(options.map(({ key, value }) => [key, value]))).toMatchObject({
      endpoint: "acme.semaphoreci.com",
      "no-https": false,
      "disconnect-after-idle-timeout": 300,
      "interruption-grace-period": 60,
      "env-vars": ["CACHE=s3://bucket", "DEPLOY_TOKEN=[REDACTED]"],
    });
    const text = await readFile(join(home.path, "new.yaml"), "utf8");
    expect(text).toContain("token: registration-5ecret");
    expect(text).toContain("DEPLOY_TOKEN=deploy-5ecret");
    expect(text).toContain("# omitted, because the agent does not start with it: discconect-after-job");

    const again = await home.run("config", "migrate", ...words);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("it already exists (--force overwrites it)");
    await home.write({ "new.yaml": "mine: true\n" });
    expect((await home.run("config", "migrate", ...words, "--force")).code).toBe(1);
    expect(await readFile(join(home.path, "new.yaml"), "utf8")).toBe(text);
  });

  test("prints a unit with the settings of the old one, for the same path", async () => {
    await using home = await openInstallation();
    const { stdout } = await home.run("config", "migrate", ...service, "--unit", "--write", "new.yaml");
    expect(stdout).toContain(`ExecStart=${home.path}/agent start --config-file ${home.path}/new.yaml\n`);
    expect(stdout).toContain("User=semaphore\n");
    expect(stdout).toContain(`#   chown root:root ${home.path}/agent && chmod 0711 ${home.path}/agent\n`);
    expect(stdout).toContain('"GREETING=hello world"\n');
    expect(stdout).toContain(
      "\nKillMode=process\nRestartKillSignal=SIGUSR2\nDelegate=yes\nOOMPolicy=continue\n",
    );
  });

  test("prints the unit of the documentation, with what the old unit sets", async () => {
    await using home = await openInstallation();
    const { stdout } = await home.run("config", "migrate", ...service, "--unit", "--write", "new.yaml");
    const own = /^(User|WorkingDirectory|Environment|EnvironmentFile|ExecStart|TimeoutStopSec|#.*)(=.*|)$/;
    const lines = (text: string) => text.split("\n").filter((line) => !own.test(line));
    expect(lines(stdout)).toEqual(lines(textOfFile("docs/examples/signalman.service")));
    expect(stdout).toContain("\nType=notify\nWatchdogSec=2min\n");
    expect(stdout).toContain("\nEnvironmentFile=-/etc/default/agent\n");
  });

  test("finds nothing to convert in its own output", async () => {
    await using home = await openInstallation();
    const first = [
      "config",
      "migrate",
      "--service",
      "semaphore-agent.service",
      "--unit",
      "--write",
      "new.yaml",
    ];
    const { stdout } = await home.run(...first);
    await home.write({ "new.service": stdout.replace(/SEMAPHORE_AGENT_LOGLEVEL=debug/, "") });
    const { notes } = await migrate(home, "--service", "new.service");
    expect(subjects(notes, "changes")).toEqual(["token", "ExecStart"]);
  });

  test("reports the searched paths when it finds no installation", async () => {
    await using home = await openHome();
    const gone = await home.run("config", "migrate", "--from", "gone");
    expect({ code: gone.code, stdout: gone.stdout }).toEqual({ code: 2, stdout: "" });
    expect(gone.stderr).toContain("gone");
    await home.write({ "config.yaml": "a: [\n" });
    const { code, notes } = await migrate(home, "--from", ".");
    expect(code).toBe(1);
    expect(subjects(notes, "refused")).toEqual(["configuration file"]);
  });
});

async function openInstallation(): Promise<Home> {
  const home = await openHome({ "config.yaml": configFile });
  await home.write({ "semaphore-agent.service": unitFile(home.path) });
  return home;
}

async function migrate(
  home: Home,
  ...args: readonly string[]
): Promise<{ code: number; notes: readonly Note[] }> {
  const { code, stdout } = await home.run("config", "migrate", "--json", ...args);
  return { code, notes: (JSON.parse(stdout) as { notes: Note[] }).notes };
}

function subjects(notes: readonly Note[], kind: Note["kind"]): string[] {
  return notes.filter((note) => note.kind === kind).map(({ subject }) => subject);
}

function textOf(notes: readonly Note[], subject: string): string {
  return notes.find((note) => note.subject === subject)?.text ?? "";
}
