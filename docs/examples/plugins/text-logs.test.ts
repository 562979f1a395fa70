import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { logSink } from "signalman";
import { createJobSpool, jobEvents, jobRequest, silentLogger, testPlugin, tmpdir } from "signalman/testing";
import textLogs from "./text-logs.ts";

test("a job's log is written to a text file while the job runs", async () => {
  await using directory = await tmpdir();
  await using spool = await createJobSpool(jobEvents(["one"]).slice(0, 3));
  await using t = await testPlugin(textLogs, { flags: { "text-logs-directory": directory.path } });
  using reader = spool.reader();
  const sink = t.use(logSink, "text-logs").open({
    job: jobRequest({ id: "../a job" }),
    logger: silentLogger,
    spool: reader,
    slot: 0,
    openReader: () => spool.reader(),
  });
  const running = sink.run(new AbortController().signal);
  spool.append(...jobEvents(["one"]).slice(3));
  spool.close();
  await running;
  const text = await readFile(join(directory.path, ".._a_job.log"), "utf8");
  expect(text).toBe("$ a command\none\njob passed\n");
});

test("an agent that resumes a job after a crash writes no line twice", async () => {
  await using directory = await tmpdir();
  await using spool = await createJobSpool(jobEvents(["one"]));
  await using t = await testPlugin(textLogs, { config: { directory: directory.path } });
  spool.close();
  for (let agent = 0; agent < 2; agent += 1) {
    using reader = spool.reader();
    const openReader = () => spool.reader();
    const job = jobRequest({ id: "j" });
    const context = { job, logger: silentLogger, spool: reader, slot: 0, openReader };
    await t.use(logSink, "text-logs").open(context).run(new AbortController().signal);
  }
  const text = await readFile(join(directory.path, "j.log"), "utf8");
  expect(text).toBe("$ a command\none\njob passed\n");
});

test("a directory that cannot be created is an error that names the plugin", async () => {
  await using spool = await createJobSpool();
  await using t = await testPlugin(textLogs, { config: { directory: "/dev/null/logs" } });
  using reader = spool.reader();
  const openReader = () => spool.reader();
  const context = { job: jobRequest(), logger: silentLogger, spool: reader, slot: 0, openReader };
  const running = t.use(logSink, "text-logs").open(context).run(new AbortController().signal);
  await expect(running).rejects.toThrow('plugin "text-logs" failed in log-sink "text-logs".run:');
});
