import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { needCommand } from "../support/engine/packages.ts";
import { createTester, type Tester } from "../support/fixtures.ts";
import {
  type InteractiveShell,
  openShell,
  packageScript,
  prepareShells,
  type ShellKind,
} from "./interactive-shell.ts";

const isInstallable = process.getuid?.() === 0 && Bun.which("apt-get") !== null;
const needs: Readonly<Record<ShellKind, readonly [file: string | null, debianPackage: string]>> = {
  bash: [Bun.which("bash"), "bash"],
  "bash-completion": [existsSync(packageScript) ? packageScript : null, "bash-completion"],
  zsh: [Bun.which("zsh"), "zsh"],
  fish: [Bun.which("fish"), "fish"],
};

const jobs = ["0b6f2c3a-1111", "7e57-2222"];
/** Directories of jobs whose names are no ids, and must not become words. */
const noJobs = ["$(touch pwned)", "`touch pwned`", "a\nb", "a b", "'"];
const hostileNames = [
  "a b.yaml",
  "$(touch pwned).yaml",
  "`touch pwned`.yaml",
  `q"u'o;te&.yaml`,
  "line\nend.yaml",
];

describe.each(Object.entries(needs))("in %s", (name, [found, debianPackage]) => {
  const kind = name as ShellKind;
  const isMissing = found === null && !isInstallable;
  const skipped = isMissing ? ` (skipped: the package ${debianPackage} is not installed)` : "";
  let tester: Tester;
  let shell: InteractiveShell;

  beforeAll(async () => {
    if (isMissing) return;
    if (found === null) await needCommand(kind === "bash-completion" ? packageScript : kind, debianPackage);
    tester = await createTester();
    await prepareShells(tester);
    await writeHostileFiles(tester);
    shell = await openShell(kind, tester);
  }, 600_000);
  afterAll(async () => {
    shell?.[Symbol.dispose]();
    await tester?.[Symbol.asyncDispose]();
  });
  const check = (title: string, run: () => Promise<void>) =>
    test.skipIf(isMissing)(`${title}${skipped}`, run, 300_000);

  check("commands are completed, also those of two words", async () => {
    expect(await shell.complete("signalman sta")).toEqual(["sta"]);
    expect(await shell.complete("signalman star")).toEqual(["start"]);
    expect(await shell.complete("signalman config mig")).toEqual(["config", "migrate"]);
    expect(await shell.complete("signalman service unin")).toEqual(["service", "uninstall"]);
  });

  check("options, and the values of their choices, are completed in both spellings", async () => {
    expect(await shell.complete("signalman start --log-le")).toEqual(["start", "--log-level"]);
    expect(await shell.complete("signalman start --log-level de")).toEqual(["start", "--log-level", "debug"]);
    expect(await shell.complete("signalman start --log-level=de")).toEqual(["start", "--log-level=debug"]);
    expect(await shell.complete("signalman run x --executor=docker")).toEqual([
      "run",
      "x",
      "--executor=dockercompose",
    ]);
    expect(await shell.complete("signalman completion zs")).toEqual(["completion", "zsh"]);
  });

  check("pages of help are completed, also names with a colon", async () => {
    expect(await shell.complete("signalman help config sch")).toEqual(["help", "config", "schema"]);
    expect(await shell.complete("signalman help hooks command:st")).toEqual([
      "help",
      "hooks",
      "command:start",
    ]);
    expect(await shell.complete("signalman help secu")).toEqual(["help", "security"]);
  });

  check("jobs are completed by their ids, without names that are none", async () => {
    expect(await shell.complete("signalman logs 7")).toEqual(["logs", jobs[1]!]);
    const screen = await shell.list("signalman logs ", jobs[0]!);
    if (kind === "zsh" || kind === "fish") expect(screen).toContain("slot 1");
    expect(screen).not.toContain("pwned");
    expect(await shell.complete("signalman logs --state-dir=elsewhere 9")).toEqual([
      "logs",
      "--state-dir=elsewhere",
      "9c-3333",
    ]);
  });

  check("files and directories are completed, and the names of hostile ones are quoted", async () => {
    for (const [index, file] of hostileNames.entries())
      expect(await shell.complete(`signalman run hostile-${index}/`)).toEqual([
        "run",
        `hostile-${index}/${file}`,
      ]);
    expect(await shell.complete("signalman run x --keep=plain/f")).toEqual(["run", "x", "--keep=plain/file"]);
    const [, , directory] = await shell.complete("signalman start --state-dir plain/d");
    expect(directory).toMatch(/^plain\/directory\/?$/);
  });

  check("what is typed is never executed", async () => {
    for (const typed of [
      "$(touch pwned)",
      "`touch pwned`",
      '"$(touch pwned)',
      "$(touch pwned) ",
      "'a b' ",
      "\\`touch pwned",
    ])
      await shell.list(`signalman logs ${typed}`, "logs");
    await shell.run("echo intact", "intact");
    expect(existsSync(path.join(tester.home, "pwned"))).toBeFalse();
  });
});

async function writeHostileFiles(tester: Tester): Promise<void> {
  const write = async (file: string, text = "") => {
    const target = path.join(tester.home, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
  };
  const started = Math.floor(Date.now() / 1000) - 3600;
  const event = `${JSON.stringify({ event: "job_started", timestamp: started })}\n`;
  const jobsOf = (state: string) => `${state}/agents/main/slot-0/jobs`;
  for (const job of [...jobs, ...noJobs])
    await write(`${jobsOf(".local/state/signalman")}/${job}/events.ndjson`, event);
  await write(`${jobsOf("elsewhere")}/9c-3333/events.ndjson`, event);
  for (const [index, file] of hostileNames.entries()) await write(`hostile-${index}/${file}`);
  await write("plain/file");
  await mkdir(path.join(tester.home, "plain/directory"), { recursive: true });
  await write("plain/different-file");
}
