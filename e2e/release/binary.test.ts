import { describe, expect, test } from "bun:test";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { binary, createTester } from "../support/fixtures.ts";

const job = "commands:\n  - printf 'leak=%s\\n' \"${LEAK:-none}\"\n";

describe("the binary", () => {
  test("prints its version and needs no other files", async () => {
    await using tester = await createTester();
    const alone = path.join(tester.home, "alone", "signalman");
    await tester.write("alone/.keep", "");
    await copyFile(binary, alone);
    const { exitCode, stdout, stderr } = await tester.exec([alone, "version"], {
      env: { PATH: "/nonexistent" },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toStartWith(packageJson.version.split(".")[0]!);
    expect(
      (await readdir(path.dirname(binary))).filter((name) => /signalman|building|\.map$/.test(name)),
    ).toEqual(["signalman", "signalman-licenses.txt"]);
  });

  test("comes with the licences of what it contains", async () => {
    const text = await readFile(`${binary}-licenses.txt`, "utf8");
    const names = Object.keys(packageJson.dependencies);
    expect(names.filter((name) => !new RegExp(`^${name} \\d`, "m").test(text))).toEqual([]);
    expect(text).toContain("Bun statically links JavaScriptCore");
  });

  test("extracts no file that a job could replace when it connects to an engine", async () => {
    await using tester = await createTester();
    await mkdir(path.join(tester.home, "temporary"));
    const socket = path.join(tester.home, "engine.sock");
    let calls = 0;
    await using engine = Bun.serve({ unix: socket, fetch: () => Response.json({ calls: (calls += 1) }) });
    await tester.run(["doctor"], {
      env: { DOCKER_HOST: `unix://${socket}`, TMPDIR: path.join(tester.home, "temporary") },
    });
    expect(calls).toBeGreaterThan(0);
    expect(await readdir(path.join(tester.home, "temporary"))).toEqual([]);
    await engine.stop(true);
  });

  test("runs a job from standard input", async () => {
    await using tester = await createTester();
    const { exitCode, stdout } = await tester.run(["run", "-"], { stdin: job });
    expect(stdout).toContain("leak=none");
    expect(exitCode).toBe(0);
  });
});

describe("a working directory with a hostile bunfig.toml, .env, tsconfig.json and package.json", () => {
  test.each(["version", "help", "plugins", "config", "run -"])("does not affect %s", async (command) => {
    await using tester = await createTester();
    await tester.write("bunfig.toml", 'preload = ["./hostile.ts"]\n[run]\npreload = ["./hostile.ts"]\n');
    await tester.write(".env", "LEAK=hostile\nSEMAPHORE_AGENT_LOG_LEVEL=hostile\n");
    await tester.write("tsconfig.json", '{ "compilerOptions": { "paths": { "*": ["./hostile.ts"] } } }');
    await tester.write("package.json", '{ "imports": { "#x": "./hostile.ts" }, "type": "commonjs" }');
    await tester.write("hostile.ts", 'await Bun.write("hostile.txt", "ran"); console.log("hostile");\n');
    const { exitCode, stdout, stderr } = await tester.run(command.split(" "), { stdin: job });
    expect(stdout + stderr).not.toContain("hostile");
    expect(exitCode).toBe(0);
    expect(await Bun.file(path.join(tester.home, "hostile.txt")).exists()).toBe(false);
  });
});

describe("start-up", () => {
  /** Runs a program to its end and returns the milliseconds of processor time that it used. */
  async function measure(child: Bun.Subprocess): Promise<number> {
    await child.exited;
    return Number(child.resourceUsage()!.cpuTime.total) / 1000;
  }

  /** Runs an agent until its first call reaches the control plane. */
  async function measureStart(home: string): Promise<number> {
    const { promise: registers, resolve } = Promise.withResolvers<void>();
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => (resolve(), new Response("", { status: 503 })),
    });
    const agent = Bun.spawn([binary, "start", "--no-https", "--endpoint", `127.0.0.1:${server.port}`], {
      stdio: ["ignore", "ignore", "ignore"],
      env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, SEMAPHORE_AGENT_TOKEN: "token" },
    });
    await Promise.race([registers, agent.exited]);
    expect(agent.exitCode).toBeNull();
    agent.kill("SIGKILL");
    return measure(agent);
  }

  test("takes at most twice the processor time of an empty program, and an agent at most twelve times", async () => {
    await using tester = await createTester();
    const source = await tester.write("empty.ts", "");
    const empty = path.join(tester.home, "empty");
    await Bun.build({ entrypoints: [source], compile: { outfile: empty } });
    const call = (...words: string[]) => measure(Bun.spawn(words, { stdio: ["ignore", "ignore", "ignore"] }));
    // They alternate, so that a busy machine slows all of them.
    const rounds: { readonly empty: number; readonly version: number; readonly start: number }[] = [];
    for (let round = 0; round < 9; round += 1) {
      rounds.push({
        empty: await call(empty),
        version: await call(binary, "version"),
        start: await measureStart(tester.home),
      });
    }
    const medianOf = (name: "empty" | "version" | "start") =>
      rounds.map((round) => round[name]).toSorted((a, b) => a - b)[rounds.length >> 1]!;
    expect(medianOf("version") / medianOf("empty")).toBeLessThan(2);
    expect(medianOf("start") / medianOf("empty")).toBeLessThan(12);
  });
});
