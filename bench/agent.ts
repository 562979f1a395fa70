// An agent, compiled, with an empty home, against a control plane on loopback: `bun run build && bun bench/agent.ts [<part>…]`.
import type { Call } from "./control-plane.ts";
import { findByEnvironment, isAlive, readCpu, readMemory, readWakeUps } from "./proc.ts";
import {
  binary,
  env,
  graceSeconds,
  mb,
  median,
  ms,
  row,
  runParts,
  spread,
  startAgent,
  usual,
} from "./running-agent.ts";

await runParts({ start, hello, trickle, printing, stop, idle });

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
    await plane.run("job", [
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
  await plane.run("job", [
    `end=$((SECONDS + 5)); while ((SECONDS < end)); do echo "at $EPOCHREALTIME ${line}"; done`,
  ]);
  await plane.until(({ what }) => what === "sync/finished-job");
  const all = delays(plane.calls);
  row(
    "printed → on the server, a bash that only prints",
    `${spread(all)} (< 150 ms; ${(all.length / 5000).toFixed(0)}k lines/s)`,
  );
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
    const id = `stop_${process.pid}_${round}`;
    await plane.run(id, ["trap '' TERM; setsid sleep 1000 & echo READY; while :; do sleep 1; done"]);
    await plane.until(({ text }) => text.includes('"output":"READY'));
    await Bun.sleep(200);
    const pids = findByEnvironment(`SIGNALMAN_JOB_${id}_`);
    const given = await plane.stop(id);
    while (pids.some(isAlive)) await Bun.sleep(2);
    gone.push(performance.timeOrigin + performance.now() - given - graceSeconds * 1000);
    const { at } = await plane.until(({ what }) => what === "sync/finished-job");
    told.push(at - given - graceSeconds * 1000);
    if (pids.length < 3) throw new Error(`the job had ${pids.length} processes`);
  }
  row("stop-job → process tree gone", `grace + ${spread(gone)} (< 200 ms)`);
  row("… → finished-job", `grace + ${spread(told)}`);
}

/** Milliseconds from each print to its arrival. */
function delays(calls: readonly Call[]): number[] {
  return calls
    .filter(({ what }) => what === "log")
    .flatMap(({ text, at }) =>
      [...text.matchAll(/at (\d+\.\d+)/g)].map(([, printed]) => at - Number(printed) * 1000),
    );
}
