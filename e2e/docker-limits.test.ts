import { afterAll, beforeAll, expect, test } from "bun:test";
import * as v from "valibot";
import { config } from "../plugins/docker/config.ts";
import { createDockerExecutor } from "../plugins/docker/docker.ts";
import type { ExecutorContext } from "../src/core/contracts/executor.ts";
import { executorContext, jobRequest, tmpdir } from "../src/testing/index.ts";
import { closeEngine, testEngine } from "./containers.ts";
import { images } from "./engine/images.ts";

beforeAll(async () => {
  await testEngine();
}, 600_000);

afterAll(closeEngine);

/** Runs commands in a container with these limits; gives what each printed, and what the job used. */
async function runWith(limits: ExecutorContext["options"]["limits"], commands: readonly string[]) {
  const engine = await testEngine();
  await using directory = await tmpdir();
  const container = {
    name: "main",
    image: images.debian,
    command: "",
    entrypoint: "",
    user: "",
    env: [],
    files: [],
  };
  const context = executorContext(directory.path, {
    job: jobRequest({ executor: "dockercompose", containers: [container] }),
    options: { stopGraceMs: 1000, terminalSize: { rows: 0, columns: 0 }, limits },
  });
  const environment = { ...context.environment, DOCKER_HOST: engine.host };
  const executor = createDockerExecutor({ ...context, environment }, v.parse(config, {}));
  const outputs: { readonly code: number; readonly text: string }[] = [];
  try {
    expect(await executor.start(new AbortController().signal)).toBe(0);
    for (const command of commands) {
      let text = "";
      const code = await executor.run(
        command,
        (chunk) => void (text += Buffer.from(chunk as Uint8Array).toString()),
      );
      outputs.push({ code, text });
    }
  } finally {
    await executor[Symbol.asyncDispose]();
  }
  return { outputs, usage: await executor.usage!() };
}

const hog = `perl -e '$x = "x" x 300_000_000; print length $x, "\\n"'`;

test("a command that takes more memory than the job may have is killed, the job's log says why, and the session goes on", async () => {
  const { outputs, usage } = await runWith({ memoryBytes: 100_000_000 }, [hog, "echo on", "(exit 137)"]);
  expect(outputs[0]!.code).toBe(137);
  expect(outputs[0]!.text).toEndWith("[signalman: a process of this command was killed: out of memory]\n");
  expect(outputs.slice(1)).toEqual([
    { code: 0, text: "on\n" },
    { code: 137, text: "" },
  ]);
  expect(usage.oomKills).toBe(1);
  expect(usage.peakMemoryBytes).toBeGreaterThan(50_000_000);
  expect(usage.peakMemoryBytes).toBeLessThanOrEqual(100_000_000);
});

test("a shell that uses all of it is killed, and the log gives the reason", async () => {
  const script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";
  const { outputs } = await runWith({ memoryBytes: 60_000_000 }, [script, "echo never"]);
  expect(outputs[0]!.code).toBe(1);
  expect(outputs[0]!.text).toMatch(/\[signalman: the job's (shell|container) was killed: out of memory\]\n$/);
  expect(outputs[1]).toEqual({ code: 1, text: "" });
});

test("a job has as many processes as it may, and the session bears it when they are all taken", async () => {
  const bomb = `perl -e 'for (1..100) { my $pid = fork; last if !defined $pid; if (!$pid) { sleep 1000; exit } } print "took all\\n"'`;
  const { outputs } = await runWith({ pids: 30 }, [bomb, "echo $((6 * 7))"]);
  expect(outputs[0]).toEqual({ code: 0, text: "took all\n" });
  expect(outputs[1]).toEqual({ code: 0, text: "42\n" });
});

test("CPU time is counted", async () => {
  const { usage } = await runWith({}, ["i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"]);
  expect(usage.cpuUserMs! + usage.cpuSystemMs!).toBeGreaterThan(100);
});
