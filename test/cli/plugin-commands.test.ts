import { describe, expect, test } from "bun:test";
import { chmod, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { outside, outsidePlugin } from "./outside.ts";
import { type Home, openHome } from "./signalman.ts";

describe("a plugin's command", () => {
  test("gets its own arguments and the program's options, in any order", async () => {
    await using home = await openHome(outside);
    const { code, stdout } = await home.run(
      "echo",
      "-t",
      "a,b",
      "--outside-loud",
      "hello",
      "--tag=c",
      "--yes=false",
      "--mode",
      "b",
      "--",
      "--rest",
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      first: "hello",
      tag: ["a,b", "c"],
      yes: false,
      mode: "b",
      rest: ["hello", "--rest"],
      config: { password: "hunter2-and-more", loud: true },
    });
    expect(JSON.parse((await home.run("echo", "-")).stdout)).toMatchObject({
      first: "-",
      tag: [],
      yes: true,
      mode: "a",
    });
  });

  test("that fails exits with status 1 and is named, without secrets; the stack is printed at debug level only", async () => {
    await using home = await openHome(outside);
    const { code, stderr } = await home.run("fail");
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: plugin "outside" failed in command "fail" (outside.ts:22): boom [REDACTED]\ncaused by: deep down\n',
    );
    expect((await home.run("fail", "--log-level", "debug")).stderr).toContain("outside.ts:");
    expect((await home.runWith({ SEMAPHORE_AGENT_LOG_LEVEL: "trace" }, "fail")).stderr).toContain(
      "outside.ts:",
    );
  });

  test("that prints much succeeds when its reader closes the pipe, and otherwise prints everything", async () => {
    await using home = await openHome(outside);
    const left = await home.bash("signalman flood | head -n 1; echo ${PIPESTATUS[0]}");
    expect(left).toEqual({ code: 0, stdout: "line 0\n0\n", stderr: "" });
    const stayed = await home.bash("signalman flood | tail -n 1; echo ${PIPESTATUS[0]}");
    expect(stayed).toEqual({ code: 0, stdout: "line 99999\n0\n", stderr: "" });
  });

  test("that leaves a timer behind does not keep the process running", async () => {
    await using home = await openHome(outside);
    expect(await home.run("hang")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("must have a unique name", async () => {
    await using home = await openHome({
      ...outside,
      "outside.ts": outsidePlugin.replace("echo:", "config:"),
    });
    const { code, stderr } = await home.run("config");
    expect(code).toBe(2);
    expect(stderr).toBe(
      'error: plugin "outside" adds command "config", which signalman itself already has\n',
    );
    const twin = outsidePlugin.replace('name: "outside"', 'name: "twin"').replace(/flags: .*/, "");
    await home.write({
      "outside.ts": outsidePlugin,
      "twin.ts": twin,
      "signalman.config.yaml": "plugins: { ./outside.ts: {}, ./twin.ts: {} }\n",
    });
    expect((await home.run("echo", "x")).stderr).toBe(
      'error: plugin "twin" adds command "echo", which plugin "outside" already has\n',
    );
  });
});

describe("a command of a plugin that is installed on the host", () => {
  const peek = (text: string) => `
    import { defineCommand, definePlugin } from "signalman";
    const command = defineCommand({ meta: { name: "peek", description: "peeks" }, run: () => console.log("${text}") });
    export default definePlugin({
      name: "peek", runsIn: [], commands: { peek: async () => ({ default: command }) }, setup() {},
    });`;
  const host = { "host/config.yaml": "plugins: { ./peek.ts: {} }\n", "host/peek.ts": peek("host") };
  const onHost = (home: Home) => ({ CONFIGURATION_DIRECTORY: join(home.path, "host") });

  test("is found where the agent finds its configuration, and so is its help page", async () => {
    await using home = await openHome(host);
    const env = onHost(home);
    expect(await home.runWith(env, "peek")).toEqual({ code: 0, stdout: "host\n", stderr: "" });
    for (const args of [
      ["help", "peek"],
      ["peek", "--help"],
    ]) {
      expect((await home.runWith(env, ...args)).stdout).toStartWith(
        "peeks\n\nUsage: signalman peek [options]\n",
      );
    }
    // A configuration of the working directory that does not have the command is no obstacle.
    await home.write(outside);
    expect((await home.runWith(env, "peek")).stdout).toBe("host\n");
  });

  test("gives way to that of the working directory, and --config-file is the only place that is searched", async () => {
    await using home = await openHome({
      ...host,
      "signalman.config.yaml": "plugins: { ./peek.ts: {} }\n",
      "peek.ts": peek("here"),
      "empty.yaml": "",
    });
    expect((await home.runWith(onHost(home), "peek")).stdout).toBe("here\n");
    const named = await home.runWith(onHost(home), "peek", "--config-file", "empty.yaml");
    expect(named).toMatchObject({ code: 2, stdout: "" });
    expect(named.stderr).toContain(`searched: "${home.path}/empty.yaml" (without plugins of its own)\n`);
  });

  test("is not executed when other users can change its file", async () => {
    await using home = await openHome(host);
    await chmod(join(home.path, "host/peek.ts"), 0o666);
    const refused = await home.runWith(onHost(home), "peek");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain('unknown command "peek"');
    expect(refused.stderr).toContain("the configuration of this host, which cannot be used: plugin");
    expect(refused.stderr).toContain("can be changed by users other than root and the agent's");
  });

  test("that is unknown everywhere is refused with the nearest name, the files and their plugins", async () => {
    await using home = await openHome({ ...host, ...outside });
    const { code, stderr } = await home.runWith(onHost(home), "peeck");
    expect(code).toBe(2);
    expect(stderr).toBe(
      `error: unknown command "peeck" (nearest: peek); searched: "${home.path}/signalman.config.yaml" ` +
        `(plugins: outside); "${home.path}/host/config.yaml" (plugins: peek)\nsee "signalman help"\n`,
    );
    await using empty = await openHome();
    const nowhere = await empty.runWith({ CONFIGURATION_DIRECTORY: join(home.path, "none") }, "peek");
    expect(nowhere.stderr).toContain(`no configuration file in ${empty.path}; `);
    expect(nowhere.stderr).toContain(`${home.path}/none, /etc/signalman`);
  });

  test("is not looked for when a command is built in", async () => {
    await using home = await openHome({ ...host, "host/peek.ts": "process.exit(9);" });
    for (const args of [["help", "run"], ["plugins"], ["version", "--json"], ["run", "--help"]]) {
      expect((await home.runWith(onHost(home), ...args)).code).toBe(0);
    }
    expect((await home.runWith(onHost(home), "peek")).code).toBe(2);
  });
});

describe("the agent's log", () => {
  test("is written to its file, warnings also to stderr, without secrets", async () => {
    await using home = await openHome(outside);
    const env = { SEMAPHORE_AGENT_LOG_FILE_PATH: "logs/agent.log" };
    const { code, stdout, stderr } = await home.runWith(env, "log", "--log-format=json");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    const lines = (await readFile(join(home.path, "logs/agent.log"), "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: "info", message: "informed" },
      { level: "warn", tag: "tag", message: "warned [REDACTED]" },
    ]);
    expect(stderr).toBe(`${lines[1]}\n`);
  });

  test("is not opened by commands that only print", async () => {
    await using home = await openHome();
    for (const args of [["config"], ["help"], ["config", "check"]]) await home.run(...args);
    expect(await readdir(home.path)).toEqual([]);
  });

  test("must be writable at a configured path, and may be missing at the default path", async () => {
    await using home = await openHome({ ...outside, file: "" });
    const wanted = await home.run("log", "--log-file-path", "file/agent_log");
    expect(wanted.code).toBe(1);
    expect(wanted.stderr).toStartWith('error: cannot open the log file "file/agent_log": ');
    const missing = await home.runWith({ TMPDIR: join(home.path, "file") }, "log");
    expect(missing.code).toBe(0);
    expect(missing.stderr).toContain("continuing without a log file");
  });
});
