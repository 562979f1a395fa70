import { expect, test } from "bun:test";
import type { Executor, ExecutorContext, SessionJournal, SessionRecord } from "signalman";
import { executorContext, jobRequest, tmpdir } from "signalman/testing";
import { createKubernetesExecutor } from "../../plugins/kubernetes/executor.ts";
import { patiently } from "./namespaces.ts";
import { settings, startedCluster } from "./subjects.ts";

const client = await startedCluster();

/** The journal of a process of a job, in memory. */
function createJournal(owner: number, left: readonly SessionRecord[]) {
  const records: SessionRecord[] = [];
  const fenced = Promise.withResolvers<void>();
  const journal: SessionJournal = {
    owner,
    left,
    isStopping: false,
    unclaimedMs: 900_000,
    write: (record) => void records.push(structuredClone(record)),
    passed: () => false,
    attached() {},
    fenced: () => fenced.resolve(),
  };
  return { journal, records, fenced: fenced.promise };
}

function createIn(context: ExecutorContext, journal: SessionJournal): Executor {
  return createKubernetesExecutor({ ...context, journal }, { settings, connect: async () => client });
}

test("the first process of a job types nothing and deletes nothing after a second one has taken its session over", async () => {
  await using directory = await tmpdir();
  await using second = await tmpdir();
  const context = executorContext(directory.path, { job: jobRequest({ id: crypto.randomUUID() }) });
  const first = createJournal(1, []);
  const executor = createIn(context, first.journal);
  const { signal } = new AbortController();
  expect(await executor.start(signal)).toBe(0);
  expect(await executor.run("n=1; echo >/tmp/typed", () => {})).toBe(0);
  const waiting = "until [ -e /tmp/go ]; do sleep 0.05; done; echo n is $n";
  const early: string[] = [];
  // The first process keeps running, as one that was only suspended or cut off.
  executor
    .run(waiting, (chunk) => void early.push(Buffer.from(chunk as Uint8Array).toString()))
    .catch(() => {});
  await patiently("the command is typed", async () =>
    first.records.some((record) => record.is === "typed" && record.line >= 5),
  );

  const left = first.records.map((record) =>
    record.is === "typed" ? { ...record, isCurrent: record === first.records.at(-1) } : record,
  );
  const heir = createJournal(2, left);
  const later = createIn({ ...context, directory: second.path }, heir.journal);
  try {
    expect(await later.start(signal)).toBe(0);
    const output: string[] = [];
    const running = later.run(
      waiting,
      (chunk) => void output.push(Buffer.from(chunk as Uint8Array).toString()),
      {
        continues: true,
      },
    );
    await first.fenced;
    executor.run("echo never >>/tmp/typed", () => {}).catch(() => {});
    const pod = `semaphore-job-${context.job.id}`;
    await client.call("GET", `/api/v1/namespaces/${client.connection.namespace}/pods/${pod}`);
    const side = await later.openSession!({ signal });
    expect(await side.run("touch /tmp/go", () => {})).toBe(0);
    expect(await running).toBe(0);
    expect(output.join("").replaceAll("\r\n", "\n")).toBe("n is 1\n");
    const typed: string[] = [];
    expect(
      await later.run(
        "cat /tmp/typed",
        (chunk) => void typed.push(Buffer.from(chunk as Uint8Array).toString()),
      ),
    ).toBe(0);
    expect(typed.join("").trim()).toBe("");
  } finally {
    await later[Symbol.asyncDispose]();
  }
}, 180_000);
