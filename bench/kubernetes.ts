// Jobs in pods of the project's cluster against kubectl, which does the same with the same pod: the time to the first output and to the
// end, the throughput of a flood, and the agent's memory over it. Needs root: `npm run cluster` starts the cluster.

import { create, settings, startedCluster } from "../e2e/kubernetes/subjects.ts";
import { run } from "../e2e/cluster/command.ts";
import { files } from "../e2e/cluster/layout.ts";
import { executorContext, tmpdir } from "signalman/testing";

const rounds = 7;
const floodBytes = 50_000_000;
/** Short lines. They are written before the measurement: on a terminal `fold` would write each line by itself. */
const lines = `head -c ${floodBytes} /dev/zero | tr '\\0' 'x' | fold -w 79`;
const prepareFlood = `${lines} >/tmp/flood`;
const flood = "cat /tmp/flood";

await startedCluster();
const ours = await measure(runOurs);
const theirs = await measure(runKubectl);
console.log(`first output    ${report(ours.first, theirs.first)}`);
console.log(`finished        ${report(ours.finished, theirs.finished)}`);
const bare = await floodKubectl();
const held = await floodOurs();
console.log(
  `50 MB of output ${(held.rate / 1e6).toFixed(1)} MB/s, kubectl exec without a terminal ${(bare / 1e6).toFixed(1)} MB/s: ${(held.rate / bare).toFixed(2)}; ` +
    `${held.isExact ? "exact" : "NOT EXACT"}; memory ${held.before.toFixed(0)} to ${held.after.toFixed(0)} MB`,
);

interface Times {
  /** Milliseconds. */
  readonly first: number;
  readonly finished: number;
}

async function measure(work: () => Promise<Times>): Promise<Times> {
  const times: Times[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await work());
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
  return {
    first: median(times.map(({ first }) => first)),
    finished: median(times.map(({ finished }) => finished)),
  };
}

function report(own: number, other: number): string {
  return `${own.toFixed(0)} ms, kubectl ${other.toFixed(0)} ms: ${(own / other).toFixed(2)}`;
}

async function runOurs(): Promise<Times> {
  await using directory = await tmpdir();
  const started = performance.now();
  const executor = create(executorContext(directory.path));
  let first = 0;
  await executor.start(new AbortController().signal);
  await executor.run("echo hello", () => (first ||= performance.now() - started));
  await executor[Symbol.asyncDispose]();
  return { first, finished: performance.now() - started };
}

async function runKubectl(): Promise<Times> {
  const started = performance.now();
  await using pod = await applyPod();
  await kubectl(["exec", pod.name, "--", "bash", "--login", "-c", "echo hello"]);
  const first = performance.now() - started;
  await pod[Symbol.asyncDispose]();
  return { first, finished: performance.now() - started };
}

async function applyPod(): Promise<AsyncDisposable & { readonly name: string }> {
  const name = `bench-${crypto.randomUUID()}`;
  const container = { name: "main", image: settings.defaultImage, command: ["bash", "-c", "sleep infinity"] };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { restartPolicy: "Never", containers: [container] },
  };
  await kubectl(["apply", "--filename=-"], JSON.stringify(pod));
  await kubectl(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s"]);
  let isDeleted = false;
  return {
    name,
    async [Symbol.asyncDispose]() {
      if (!isDeleted) await kubectl(["delete", "pod", name, "--grace-period=0", "--force"]);
      isDeleted = true;
    },
  };
}

function kubectl(args: readonly string[], stdin?: string): Promise<string> {
  return run([files.kubectl, "--kubeconfig", files.kubeconfig, ...args], {
    ...(stdin !== undefined && { stdin }),
  });
}

/** Bytes per second. */
async function floodKubectl(): Promise<number> {
  await using pod = await applyPod();
  await kubectl(["exec", pod.name, "--", "bash", "-c", prepareFlood]);
  const started = performance.now();
  const child = Bun.spawn(
    [files.kubectl, "--kubeconfig", files.kubeconfig, "exec", pod.name, "--", "bash", "-c", flood],
    { stdout: "pipe" },
  );
  let bytes = 0;
  for await (const chunk of child.stdout) bytes += chunk.length;
  return (bytes / (performance.now() - started)) * 1000;
}

async function floodOurs() {
  await using directory = await tmpdir();
  const executor = create(executorContext(directory.path));
  await executor.start(new AbortController().signal);
  await executor.run(prepareFlood, () => {});
  const hash = new Bun.CryptoHasher("sha256");
  const before = process.memoryUsage.rss() / 1e6;
  let bytes = 0;
  let after = before;
  const started = performance.now();
  await executor.run(flood, (chunk) => {
    bytes += chunk.length;
    hash.update(chunk);
    after = Math.max(after, process.memoryUsage.rss() / 1e6);
  });
  const rate = (bytes / (performance.now() - started)) * 1000;
  await executor[Symbol.asyncDispose]();
  const local = Bun.spawnSync(["bash", "-c", lines]).stdout;
  const isExact = hash.digest("hex") === new Bun.CryptoHasher("sha256").update(local).digest("hex");
  return { rate, isExact, before, after };
}
