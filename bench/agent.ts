// An agent, compiled, with an empty home, against a control plane on loopback: `bun run build && bun bench/agent.ts [<part>…]`.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Call, type ControlPlane, createControlPlane } from "./control-plane.ts";
import { findProcesses, isAlive, readCpu, readMemory, readWakeUps } from "./proc.ts";

const binary = process.env["SIGNALMAN_BINARY"] ?? join(import.meta.dir, "../dist/signalman");
const home = mkdtempSync(join(tmpdir(), "signalman-bench-"));
const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home };
const graceSeconds = 1;
const parts = { start, hello, trickle, printing, flood, hub, idle, stop };
const wanted = process.argv.slice(2);

try {
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) await part();
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}

async function start(): Promise<void> {
  const bare: number[] = [];
  const synced: number[] = [];
  for (let round = 0; round < 15; round++) {
    const from = performance.now();
    Bun.spawnSync([binary, "version"], { env });
    bare.push(performance.now() - from);
    await using agent = startAgent();
    const { at } = await agent.plane.until(({ what }) => what === "sync/waiting-for-jobs");
    synced.push(at - agent.startedAt);
  }
  row("start → first sync", `${spread(synced)} (< 100 ms; \`version\` alone ${ms(median(bare))})`);
}

async function hello(): Promise<void> {
  await using agent = startAgent();
  const { plane } = agent;
  const spans: Record<string, number[]> = {
    fetched: [],
    first: [],
    output: [],
    told: [],
    finished: [],
    bash: [],
  };
  for (let round = 0; round < 31; round++) {
    const login = performance.now();
    Bun.spawnSync(["bash", "--login", "-c", "echo hello"], { env });
    const bash = performance.now() - login;
    plane.clear();
    const id = `hello-${round}`;
    const given = await plane.run(id, ["echo hello"]);
    const at = async (test: (call: Call) => boolean) => (await plane.until(test)).at - given;
    const fetched = await at(({ what }) => what === "fetch");
    const first = await at(({ what }) => what === "log");
    const output = await at(({ what, text }) => what === "log" && text.includes('"output":"hello'));
    const told = await at(({ what, text }) => what === "log" && text.includes('"job_finished"'));
    const finished = await at(({ what }) => what === "sync/finished-job");
    await plane.until(({ what, at: when }) => what === "sync/waiting-for-jobs" && when > given + finished);
    await Bun.sleep(50);
    // The first one finds everything cold.
    if (round > 0)
      for (const [name, value] of Object.entries({ fetched, first, output, told, finished, bash }))
        spans[name]!.push(value);
  }
  row("run-job → the request is asked for", spread(spans["fetched"]!));
  row("run-job → first event", spread(spans["first"]!));
  row("run-job → first output, hello job", `${spread(spans["output"]!)} (< 60 ms)`);
  row("run-job → the log's last event", spread(spans["told"]!));
  row("run-job → finished-job, hello job", `${spread(spans["finished"]!)} (< 80 ms)`);
  row("… a login bash alone", spread(spans["bash"]!));
}

/** A line every now and then: from its print to its arrival; and from the last one to the job's end. */
async function trickle(): Promise<void> {
  const ends: number[] = [];
  for (const seconds of ["0.1", "0.37", "1"]) {
    await using agent = startAgent();
    const { plane } = agent;
    plane.intervalMs = usual;
    const count = seconds === "1" ? 8 : 20;
    await sendJob(plane, [
      `for ((i = 0; i < ${count}; i++)); do echo "at $EPOCHREALTIME"; sleep ${seconds}; done`,
      'echo "end $EPOCHREALTIME"',
    ]);
    const { at } = await plane.until(({ what }) => what === "sync/finished-job");
    row(`printed → on the server, a line each ${seconds} s`, `${spread(delays(plane.calls))} (< 150 ms)`);
    const last = /end (\d+\.\d+)/.exec(plane.calls.map(({ text }) => text).join(""))?.[1];
    ends.push(at - Number(last) * 1000);
  }
  row("job end → finished-job, small log", `${spread(ends)} (< 100 ms)`);
}

/** As fast as a bash prints. */
async function printing(): Promise<void> {
  await using agent = startAgent();
  const { plane } = agent;
  plane.intervalMs = usual;
  const line = "x".repeat(80);
  await sendJob(plane, [
    `end=$((SECONDS + 5)); while ((SECONDS < end)); do echo "at $EPOCHREALTIME ${line}"; done`,
  ]);
  await plane.until(({ what }) => what === "sync/finished-job");
  const all = delays(plane.calls);
  row(
    "printed → on the server, a bash that only prints",
    `${spread(all)} (< 150 ms; ${(all.length / 5000).toFixed(0)}k lines/s)`,
  );
}

async function flood(): Promise<void> {
  const { path, bytes } = writeFlood();
  await using agent = startAgent();
  const { plane } = agent;
  plane.intervalMs = () => 1000;
  plane.isQuiet = true;
  const peak = watchMemory(agent.pid);
  const given = await sendJob(plane, [`cat ${path}`], "flood");
  const { at } = await plane.until(({ what }) => what === "sync/finished-job");
  const { total, each } = peak.stop();
  row(
    "100 MB to a bare server, run-job → finished-job",
    `${(bytes / 1e3 / (at - given)).toFixed(0)} MB/s (≥ 20)`,
  );
  row("… log bytes on the server", (plane.logBytes / 1e6).toFixed(1));
  row("… PSS of agent and job process at most", `${mb(total)} (< 130 MB; ${each})`);
  const syncs = plane.calls.filter(
    ({ what, at: when }) => what.startsWith("sync/") && when >= given && when <= at,
  );
  const gaps = syncs.slice(1).map(({ at: when }, index) => when - syncs[index]!.at);
  row("… syncs each 1 s, the longest gap", ms(Math.max(0, ...gaps)));
}

/** The same against `signalman hub`. */
async function hub(): Promise<void> {
  const { path, bytes } = writeFlood();
  const server = Bun.spawn(
    [binary, "hub", "--port", "0", "--log-limit", "0", "--sync-interval", "1000", "--token", "bench-token"],
    {
      env,
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  try {
    const reader = server.stdout.getReader();
    let text = "";
    while (!/listening on \S+\n/.test(text)) text += new TextDecoder().decode((await reader.read()).value);
    const endpoint = /listening on (\S+)\n/.exec(text)![1]!;
    await using agent = startAgent(endpoint);
    const job = join(home, "flood.json");
    writeFileSync(job, JSON.stringify({ commands: [`cat ${path}`] }));
    await Bun.sleep(300);
    const peak = watchMemory(agent.pid);
    const from = performance.now();
    const follow = Bun.spawn([binary, "hub", "submit", job, "--follow", "--hub", endpoint], {
      env,
      stdout: "pipe",
      stderr: "inherit",
    });
    let shown = 0;
    for await (const chunk of follow.stdout) shown += chunk.filter((byte) => byte === 0x78).length;
    const code = await follow.exited;
    const rate = bytes / 1e3 / (performance.now() - from);
    row("100 MB to the hub, submitted → followed to its end", `${rate.toFixed(0)} MB/s (≥ 20)`);
    row("… whole", shown === (bytes / 80) * 79 && code === 0 ? "yes" : `NO: ${shown} x, exit ${code}`);
    const { total, each } = peak.stop();
    row("… PSS of agent and job process at most", `${mb(total)} (< 130 MB; ${each})`);
    const violations = Bun.spawnSync([binary, "hub", "violations", "--hub", endpoint], { env });
    row(
      "… syncs on time, as the hub sees it",
      violations.exitCode === 0 ? "yes" : violations.stdout.toString(),
    );
  } finally {
    server.kill();
    await server.exited;
  }
}

async function idle(): Promise<void> {
  await using agent = startAgent();
  const { plane } = agent;
  plane.intervalMs = usual;
  await plane.until(({ what }) => what.startsWith("sync/"));
  await Bun.sleep(5000);
  const [cpu, wakeUps, from] = [readCpu(agent.pid), readWakeUps(agent.pid), performance.now()];
  await Bun.sleep(30_000);
  const span = performance.now() - from;
  const { rss, pss } = readMemory(agent.pid);
  row("idle agent", `${mb(rss)} RSS (< 55 MB), ${mb(pss)} PSS`);
  const share = ((readCpu(agent.pid) - cpu) / span) * 100;
  const rate = ((readWakeUps(agent.pid) - wakeUps) / span) * 1000;
  row(
    "… at a sync each 4–6 s",
    `${share.toFixed(3)} % of a core (< 0.1 %), ${rate.toFixed(1)} wake-ups a second`,
  );
}

/** A job that ignores SIGTERM, with a child in a session of its own. */
async function stop(): Promise<void> {
  const gone: number[] = [];
  const told: number[] = [];
  for (let round = 0; round < 5; round++) {
    await using agent = startAgent();
    const { plane } = agent;
    await sendJob(plane, ["trap '' TERM; setsid sleep 1000 & echo READY; while :; do sleep 1; done"]);
    await plane.until(({ text }) => text.includes("READY"));
    const pids = findProcesses("environ", "SIGNALMAN_JOB_");
    const given = await plane.stop("job");
    while (pids.some(isAlive)) await Bun.sleep(2);
    gone.push(performance.timeOrigin + performance.now() - given - graceSeconds * 1000);
    const { at } = await plane.until(({ what }) => what === "sync/finished-job");
    told.push(at - given - graceSeconds * 1000);
    if (pids.length < 3) throw new Error(`the job had ${pids.length} processes`);
  }
  row("stop-job → process tree gone", `grace + ${spread(gone)} (< 200 ms)`);
  row("… → finished-job", `grace + ${spread(told)}`);
}

interface RunningAgent extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly pid: number;
  /** Unix milliseconds, with fractions. */
  readonly startedAt: number;
}

function startAgent(endpoint?: string): RunningAgent {
  const plane = createControlPlane();
  const state = mkdtempSync(join(home, "state-"));
  const startedAt = performance.timeOrigin + performance.now();
  const options = {
    endpoint: endpoint ?? plane.endpoint,
    "state-dir": state,
    "log-file-path": join(state, "log"),
    "stop-grace-period": String(graceSeconds),
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const agent = Bun.spawn([binary, "start", "--no-https", ...words], {
    env: { ...env, SEMAPHORE_AGENT_TOKEN: "bench-token" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return {
    plane,
    pid: agent.pid,
    startedAt,
    async [Symbol.asyncDispose]() {
      agent.kill("SIGTERM");
      plane.shutdown();
      const timer = setTimeout(() => agent.kill("SIGKILL"), 10_000);
      await agent.exited;
      clearTimeout(timer);
      plane[Symbol.dispose]();
    },
  };
}

async function sendJob(plane: ControlPlane, commands: string[], id = "job"): Promise<number> {
  return plane.run(id, commands);
}

function usual(): number {
  return 4000 + Math.random() * 2000;
}

function writeFlood(): { path: string; bytes: number } {
  const path = join(home, "flood.txt");
  writeFileSync(path, `${"x".repeat(79)}\n`.repeat(1_310_720));
  return { path, bytes: 80 * 1_310_720 };
}

/** The most that an agent and its job process have together. */
function watchMemory(agent: number): { stop(): { total: number; each: string } } {
  let total = 0;
  let each = "";
  let jobs: number[] = [];
  const timer = setInterval(() => {
    if (jobs.length === 0) jobs = findProcesses("cmdline", "\0job-process\0");
    const all = [agent, ...jobs].map((pid) => readMemory(pid).pss);
    const sum = all.reduce((a, b) => a + b, 0);
    if (sum > total) [total, each] = [sum, all.map(mb).join(" + ")];
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return { total, each };
    },
  };
}

/** Milliseconds from each print to its arrival. */
function delays(calls: readonly Call[]): number[] {
  return calls
    .filter(({ what }) => what === "log")
    .flatMap(({ text, at }) =>
      [...text.matchAll(/at (\d+\.\d+)/g)].map(([, printed]) => at - Number(printed) * 1000),
    );
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function spread(values: readonly number[]): string {
  return `${ms(median(values))}, p95 ${ms(quantile(values, 0.95))}`;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function row(what: string, figure: string): void {
  console.log(`${what.padEnd(50)} ${figure}`);
}
