import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import packageJson from "../../package.json";
import { outside } from "./outside.ts";
import { openHome } from "./signalman.ts";

describe("version", () => {
  test.each(["version", "--version", "-v"])("%s prints the version only", async (word) => {
    await using home = await openHome();
    expect(await home.run(word)).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: "" });
  });

  test("loads only the entry point, the list of plugins and the version", async () => {
    const seen = new Set<string>();
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      if (!path.endsWith(".ts")) return;
      const code = (await readFile(path, "utf8")).replace(/^#!.*/, "");
      const imports = new Bun.Transpiler({ loader: "ts" }).scanImports(code);
      for (const { path: specifier } of imports.filter(({ kind }) => kind === "import-statement")) {
        expect(specifier).toStartWith(".");
        await visit(resolve(path, "..", specifier));
      }
    };
    const root = resolve(import.meta.dir, "..", "..");
    await visit(join(root, "src", "main.ts"));
    expect([...seen].map((path) => path.slice(root.length + 1)).toSorted()).toEqual([
      "package.json",
      "plugins/index.ts",
      "src/cli/program/lend-sdk.ts",
      "src/core/version.ts",
      "src/main.ts",
    ]);
  });
});

describe("help", () => {
  test("is printed to stderr without a command, which is an error", async () => {
    await using home = await openHome();
    const { code, stdout, stderr } = await home.run();
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: signalman <command> [options]");
  });

  test("is the same for each spelling, with lines of at most 100 columns", async () => {
    await using home = await openHome();
    const pages = [await home.run("help"), await home.run("--help"), await home.run("-h")];
    for (const page of pages) expect(page).toEqual({ ...pages[0]!, code: 0, stderr: "" });
    const lines = pages[0]!.stdout.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    for (const part of ["Run jobs:", "  config  ", "Examples:", "  signalman help options [word]  "])
      expect(lines.some((line) => line.startsWith(part))).toBeTrue();
  });

  test("exists for every command, with options grouped by plugin", async () => {
    await using home = await openHome(outside);
    const named = ["--config-file", "signalman.config.yaml"];
    const page = await home.run("run", "x.yaml", "--help", ...named);
    expect(page).toEqual(await home.run("help", "run", ...named));
    expect(page.code).toBe(0);
    expect(page.stdout).toContain("\n\nUsage: signalman run <file> [options]\n");
    expect(page.stdout).toContain("\n  outside           outside-password, outside-loud\n");
    expect((await home.run("help", "config", "schema")).stdout).toContain(
      "\nUsage: signalman config schema [options]\n",
    );
    const echo = await home.run("echo", "-h");
    expect(echo).toEqual(await home.run("help", "echo"));
    expect(echo.stdout).toStartWith("tests echo\n\nUsage: signalman echo <first> [options]\n");
    expect(echo.stdout).toContain(
      "Options of plugin outside:\n  --outside-password <value>      Opens it (default: none)\n",
    );
    expect((await home.run("help", ...named)).stdout).toContain(
      "\nOf plugins: echo, fail, log, flood, hang\n",
    );
  });

  test("finds options and errors of the plugins in a named configuration file", async () => {
    await using home = await openHome(outside);
    const named = ["--config-file", "signalman.config.yaml"];
    const found = await home.run("help", "options", "opens", ...named);
    expect(found.stdout).toContain("\n  --outside-password <value>      Opens it\n");
    expect(found.stdout.replaceAll(/\s+/g, " ")).toContain(
      "SEMAPHORE_AGENT_OUTSIDE_PASSWORD; key: outside-password; default: none ",
    );
    expect((await home.run("help", "options", "opens")).code).toBe(2);
  });

  test("leaves out the commands of a plugin that is off", async () => {
    await using home = await openHome({ "off.yaml": "plugins: { hub: false, doctor: false }\n" });
    const { code, stdout } = await home.run("help", "--config-file", "off.yaml");
    expect(code).toBe(0);
    expect(stdout).toContain("\nExamples:\n  signalman run job.yaml ");
    expect(stdout).not.toMatch(/hub|doctor/);
  });

  test("shows the commands with a common first word", async () => {
    await using home = await openHome();
    const page = await home.run("help", "service");
    expect(page).toEqual(await home.run("service", "--help"));
    expect(page.stdout).toStartWith(
      "Usage: signalman service <command> [options]\n\nCommands:\n  service install  ",
    );
  });

  test("describes the options that concern the command", async () => {
    await using home = await openHome(outside);
    const named = ["--config-file", "signalman.config.yaml"];
    const flags = async (...words: string[]) => {
      const { stdout } = await home.run("help", ...words, ...named);
      return Array.from(stdout.matchAll(/^ {2}--([\w-]+)/gm), ([, flag]) => flag);
    };
    expect(await flags("start")).toEqual(expect.arrayContaining(["endpoint", "shell-user", "slots"]));
    expect(await flags("serve")).not.toContain("config-file");
    expect(await flags("logs")).toEqual(["last", "follow", "json", "config-file", "config-env", "state-dir"]);
    expect(await flags("config", "check")).toEqual(["config-file", "config-env"]);
    expect(await flags("redact")).toEqual(["value-env", "print-sequence", "lines"]);
    expect((await flags("hub")).slice(-2)).toEqual(["token", "page-listen"]);
    expect(await flags("echo")).toEqual(
      expect.arrayContaining(["mode", "config-file", "config-env", "outside-password"]),
    );
    expect((await home.run("help", "logs")).stdout).toEndWith(": signalman help options [word]\n");
  });

  test("reads no configuration file that is not named, except for a command that is not built in", async () => {
    await using home = await openHome({
      "signalman.config.ts": 'console.log("executed"); export default {};',
    });
    for (const args of [
      ["help"],
      ["help", "run"],
      ["help", "service"],
      ["service", "--help"],
      ["help", "options"],
      ["help", "kubernetes"],
      ["help", "errors", "PLUGIN_SLOW"],
      ["run", "--help"],
      ["-h"],
      ["version"],
      ["status"],
      ["logs"],
    ])
      expect((await home.run(...args)).stdout).not.toContain("executed");
    expect((await home.run("elsewhere", "--help")).stdout).toContain("executed");
  });

  test("is printed even if the configuration is invalid", async () => {
    await using home = await openHome({
      "signalman.config.yaml": "plugins: { ./nowhere.ts: {} }\nlog-level: loud\n",
    });
    const { code, stdout, stderr } = await home.run("run", "--help", "--config-file=signalman.config.yaml");
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: signalman run");
    expect(stderr).toContain("nowhere.ts");
  });
});

describe("usage", () => {
  test.each([
    [["confg"], 'unknown command "confg" (nearest: config)'],
    [["help", "rnu"], 'unknown command or topic "rnu" (nearest: run)'],
    [["help", "kubernets"], 'unknown command or topic "kubernets" (nearest: kubernetes)'],
    [["help", "topics", "securty"], 'unknown topic "securty" (nearest: security)'],
    [["help", "options", "memry"], 'no option matches "memry" (nearest: job-memory)'],
    [["help", "hooks", "job:strat"], 'no hook is named "job:strat" (nearest: job:start)'],
    [["help", "errors", "plugin_slw"], 'unknown error code "PLUGIN_SLW" (nearest: PLUGIN_SLOW)'],
    [["--log-level", "debug", "config"], 'the command comes first, before "--log-level"'],
    [["config", "--log-levle", "debug"], 'unknown flag "--log-levle" (nearest: --log-level)'],
    [["config", "-x"], 'unknown flag "-x"'],
    [["config", "--log-level"], '"--log-level" needs a value'],
    [["config", "--log-level", "--log-format=json"], '"--log-level" needs a value'],
    [["config", "surplus"], '"config" has no argument for "surplus"'],
    [["echo"], '"echo" needs <first>'],
    [["echo", "a", "--mode=c"], '"--mode" takes one of a, b, not "c"'],
    [["echo", "a", "--yes=maybe"], '"--yes" takes true or false, not "maybe"'],
  ])("%p is refused with exit code 2", async (args, message) => {
    await using home = await openHome(outside);
    const { code, stdout, stderr } = await home.run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toStartWith("error: ");
    expect(stderr).toContain(message);
  });

  test("an invalid command line names the command's help", async () => {
    await using home = await openHome();
    expect((await home.run("config", "check", "--nonsense")).stderr).toEndWith(
      'see "signalman help config check"\n',
    );
    expect((await home.run("nonsense")).stderr).toEndWith('see "signalman help"\n');
  });
});
