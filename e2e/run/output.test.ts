import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { binary, createTester } from "../support/fixtures.ts";
import { outline, outputOf, runForEvents } from "../support/jobs.ts";

describe("a job with much output", () => {
  test("has all 100 MB in its log and in --json, in order, with bounded memory", async () => {
    await using tester = await createTester();
    const lines = 12_000_000;
    // Prints the maximum memory of the binary, which is an ancestor of the session.
    const peak = `
pid=$$
until [ "$(cat "/proc/$pid/comm")" = signalman ]; do pid=$(ps -o ppid= -p "$pid" | tr -d ' '); done
grep VmHWM "/proc/$pid/status"`;
    await tester.write("job.json", JSON.stringify({ commands: [`seq 1 ${lines}`, peak] }));
    const script = '"$0" run job.json --json --keep kept | sha256sum; [ "${PIPESTATUS[0]}" = 0 ]';
    const { exitCode, stdout, stderr } = await tester.exec(["bash", "-c", script, binary]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });

    const kept = path.join(tester.home, "kept");
    const [file, flood, expected] = [createHash("sha256"), createHash("sha256"), createHash("sha256")];
    let other = "";
    let bytes = 0;
    for await (const line of createInterface({ input: createReadStream(kept) })) {
      file.update(`${line}\n`);
      const event = JSON.parse(line) as JobEvent;
      if (event.event !== "cmd_output") continue;
      bytes += event.output.length;
      if (/^\d*\n/.test(event.output)) flood.update(event.output);
      else other += event.output;
    }
    expect(stdout.split(" ")[0]).toBe(file.digest("hex"));
    for (let first = 1; first <= lines; first += 100_000) {
      expected.update(`${Array.from({ length: 100_000 }, (_, index) => first + index).join("\n")}\n`);
    }
    expect(bytes).toBeGreaterThan(95_000_000);
    expect(flood.digest("hex")).toBe(expected.digest("hex"));
    const peakMegabytes = Number(/VmHWM:\s+(\d+) kB/.exec(other)?.[1]) / 1000;
    expect(peakMegabytes).toBeGreaterThan(10);
    expect(peakMegabytes).toBeLessThan(200);
  });
});

test("log-disk-limit limits the log while the job continues: the log has the number of dropped bytes", async () => {
  await using tester = await createTester();
  const commands = ["seq 1 500000", "touch went-on; echo after"];
  const limit = 256 * 1024;
  const { exitCode, events, stderr } = await runForEvents(
    tester,
    { commands, epilogue_always_commands: ["touch epilogue"] },
    ["--log-disk-limit", "256KiB", "--keep", "kept"],
  );
  expect(exitCode).toBe(0);
  expect(outline(events).at(-1)).toBe("end passed");
  for (const file of ["went-on", "epilogue"]) {
    expect(await Bun.file(path.join(tester.home, file)).exists()).toBe(true);
  }
  expect((await stat(path.join(tester.home, "kept"))).size).toBeLessThan(limit + 4096);
  const output = outputOf(events, commands[0]!);
  const [notice, numbers] = [/^\[signalman: .*\n/gm, output.replaceAll(/^\[signalman: .*\n/gm, "")];
  expect(output.match(notice)?.join("")).toContain("log-disk-limit");
  const total = Buffer.byteLength(Array.from({ length: 500_000 }, (_, index) => `${index + 1}\n`).join(""));
  const dropped = Number(/(\d+) bytes of output were dropped/.exec(output)?.[1]);
  expect(dropped).toBeGreaterThan(2_000_000);
  // Logged and dropped bytes make up the whole output; a line feed may have been added before the notice.
  expect(Math.abs(numbers.length + dropped - total)).toBeLessThanOrEqual(1);
  expect(stderr).toContain("log-disk-limit");
});

test("output is shown while its command runs, also without a line feed", async () => {
  await using tester = await createTester();
  const job = { commands: ["printf 'half a line'; until [ -e go ]; do sleep 0.02; done"] };
  await tester.write("job.json", JSON.stringify(job));
  const running = tester.start(["run", "job.json", "--json"]);
  await running.shows("half a line");
  await running.shows('"output":"half a line"');
  await tester.write("go", "");
  expect((await running.finished).exitCode).toBe(0);
});
