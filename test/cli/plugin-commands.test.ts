import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { outside, outsidePlugin } from "./outside.ts";
import { openHome } from "./signalman.ts";

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
