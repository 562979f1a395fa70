// Measures jobs in pods of the project's cluster against kubectl, which does the same with the same pod, in one run:
// `npm run build && bun bench/kubernetes.ts [times|flood]`. Needs root: it starts the cluster.
import { startCluster } from "../e2e/support/cluster/cluster.ts";
import { run } from "../e2e/support/cluster/command.ts";
import { images } from "../e2e/support/cluster/images.ts";
import { files } from "../e2e/support/cluster/layout.ts";
import { outputOf, toEvents } from "../e2e/support/jobs.ts";
import type { JobView } from "../plugins/hub/view.ts";
import { mb, median, ms, row } from "./figures.ts";
import { startHub } from "./hub.ts";
import { watchMemory } from "./memory.ts";
import { type RunningAgent, runParts, startAgent } from "./running-agent.ts";

const rounds = 7;
const floodBytes = 50_000_000;
/** Size of everything in a job's log before the flood, at most. */
const setUpBytes = 20_000;
/** Lines of 80 bytes. They are written before the measurement. */
const prepareFlood = `yes '${"#".repeat(79)}' | head -c ${floodBytes} >/tmp/flood`;
const flood = "cat /tmp/flood";
const inPods = ["--kubernetes-executor", `--kubernetes-default-image=${images.debian}`];
const cluster = { KUBECONFIG: files.kubeconfig, KUBERNETES_NAMESPACE: "default" };

await startCluster();
await runParts({ times: compareTimes, flood: compareFloods });

interface Times {
  /** Milliseconds. */
  readonly first: number;
  readonly finished: number;
}

/** Measures an agent and kubectl alternately. The first round warms up. */
async function compareTimes(): Promise<void> {
  await using agent = startAgent({ args: inPods, variables: cluster });
  const ours: Times[] = [];
  const theirs: Times[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const pair = [await runOurs(agent), await runKubectl()] as const;
    if (round === 0) continue;
    ours.push(pair[0]);
    theirs.push(pair[1]);
  }
  const report = (label: string, pick: (times: Times) => number, bound: string) => {
    const [own, other] = [median(ours.map(pick)), median(theirs.map(pick))];
    row(label, `${ms(own)}, kubectl ${ms(other)}: ${(own / other).toFixed(2)} (${bound})`);
  };
  report("run-job → first output in the log", ({ first }) => first, "≤ 0.8");
  report("run-job → finished-job, pod deleted", ({ finished }) => finished, "≤ 1.0");
}

async function runOurs({ plane }: RunningAgent): Promise<Times> {
  const id = crypto.randomUUID();
  plane.clear();
  const assigned = await plane.run(id, ["echo hello from a pod"]);
  const output = await plane.until(
    ({ endpoint, text }) => endpoint === "log" && text.includes('"output":"hello from a pod'),
  );
  const finished = await plane.until(
    ({ endpoint, jobId }) => endpoint === "sync/finished-job" && jobId === id,
  );
  const left = await kubectl(["get", "pods", "--output=name"]);
  if (left.includes(id)) throw new Error(`the pod of job ${id} is still there`);
  return { first: output.at - assigned, finished: finished.at - assigned };
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
  const container = { name: "main", image: images.debian, command: ["bash", "-c", "sleep infinity"] };
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
  return run([files.kubectl, "--kubeconfig", files.kubeconfig, "--namespace", "default", ...args], {
    ...(stdin !== undefined && { stdin }),
  });
}

/** Compares the output of a job that the hub has received with a bare exec. */
async function compareFloods(): Promise<void> {
  const bare: number[] = [];
  const delivered: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    bare.push(await floodKubectl());
    delivered.push(await floodHub());
  }
  row("50 MB, kubectl exec without a terminal", `${mb(median(bare))}/s`);
  const ratio = median(delivered) / median(bare);
  row("50 MB, job in a pod → log at the hub", `${mb(median(delivered))}/s: ${ratio.toFixed(2)} (≥ 0.3)`);
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

/** Bytes per second that arrive at the hub. Prints whether they are what was written, and the memory of the agent. */
async function floodHub(): Promise<number> {
  await using hub = await startHub();
  await using agent = startAgent({ endpoint: hub.endpoint, args: inPods, variables: cluster });
  const ask = (route: string, init?: RequestInit) => fetch(`http://${hub.endpoint}/hub${route}`, init);
  const body = JSON.stringify({ commands: [prepareFlood, flood] });
  const { id } = (await (await ask("/jobs", { method: "POST", body })).json()) as JobView;
  const memory = watchMemory(agent.pid);
  let from = 0;
  let to = 0;
  let before = 0;
  for (let view: JobView | undefined; !view?.isDone; await Bun.sleep(20)) {
    view = (await (await ask(`/jobs/${id}`)).json()) as JobView;
    if (from === 0 && view.log.bytes > setUpBytes) [from, before] = [performance.now(), memory.restart()];
    if (to === 0 && view.log.bytes >= floodBytes) to = performance.now();
  }
  const { total, each } = memory.stop();
  const events = toEvents(await (await ask(`/jobs/${id}/log`)).text());
  const isExact = outputOf(events, flood) === `${"#".repeat(79)}\n`.repeat(floodBytes / 80);
  row("… log at the hub", isExact ? "exact" : "NOT EXACT");
  row("… PSS of agent and job process", `${mb(before)} at the first byte, at most ${mb(total)} (${each})`);
  return (floodBytes / (to - from)) * 1000;
}
