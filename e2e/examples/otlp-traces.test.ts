import { describe, expect, test } from "bun:test";
import { openCollector } from "../../docs/examples/plugins/otlp-traces/testing/collector-double.ts";
import { createExampleScene, createExampleTester, exampleFlags } from "./example-plugins.ts";
import { jobProcesses } from "../support/agents.ts";
import { runJob, until } from "../support/jobs.ts";

const job = { name: "a job", commands: ["echo one", "(exit 7)"] };

/** The tree of a trace without times, once the span of the job and that of its last phase are there. */
async function treeOf(collector: ReturnType<typeof openCollector>): Promise<string[]> {
  const has = (name: string) => collector.spans.some((span) => span.name === name);
  await until("the trace is complete", () => has("fetch") && has("dispose"));
  return collector.tree().map((line) => line.replace(/ \d+-\d+/, ""));
}

const tree = [
  "a job error: command 2 exited with status 7",
  "  fetch",
  "  start",
  "  accept",
  "  start-executor",
  "  export",
  "    Exporting environment variables",
  "  files",
  "    Injecting Files",
  "  prepare",
  "  commands error: failed",
  "    echo one",
  "    (exit 7) error: exit status 7",
  "  epilogues",
  "    Exporting environment variables",
  "  finish",
  "  dispose",
];

/** Expects that no span begins before its parent or ends after it. */
function expectNested({ spans }: ReturnType<typeof openCollector>): void {
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  // Times of two processes, and start times in whole milliseconds.
  const slack = 5_000_000;
  for (const span of spans.filter(({ parentSpanId }) => parentSpanId !== undefined)) {
    const parent = spans.find(({ spanId }) => spanId === span.parentSpanId)!;
    expect(Number(span.startTimeUnixNano)).toBeGreaterThanOrEqual(Number(parent.startTimeUnixNano) - slack);
    expect(Number(span.endTimeUnixNano)).toBeLessThanOrEqual(Number(parent.endTimeUnixNano) + slack);
  }
}

describe("otlp-traces", () => {
  test.concurrent("posts one trace of a job that an agent runs", async () => {
    await using collector = openCollector();
    await using scene = await createExampleScene("otlp-traces", { url: collector.url });
    await scene.startAgent();
    const { hub } = scene;
    await hub.done(await hub.submit(job));
    expect(await treeOf(collector)).toEqual(tree);
    expectNested(collector);
  });

  test.concurrent("posts one trace of a job that run runs", async () => {
    await using collector = openCollector();
    await using tester = await createExampleTester("otlp-traces", { url: collector.url });
    expect((await runJob(tester, job, exampleFlags)).exitCode).toBe(1);
    expect(await treeOf(collector)).toEqual(tree);
    expectNested(collector);
  });

  test.concurrent("posts the span of a job whose process was killed", async () => {
    await using collector = openCollector();
    await using scene = await createExampleScene("otlp-traces", { url: collector.url });
    await scene.startAgent();
    const { hub } = scene;
    const id = await hub.submit({ name: "killed", commands: ["echo begun; sleep 600"] });
    await hub.shows(id, "begun");
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    await hub.done(id);
    await until("the span of the job is there", () => collector.spans.length === 3);
    const [root] = collector.spans;
    expect(root).toMatchObject({
      name: "killed",
      status: { code: 2, message: "the job's process died; it was ended by SIGKILL" },
    });
    expect(Number(root?.endTimeUnixNano)).toBeGreaterThan(Number(root?.startTimeUnixNano));
  });
});
