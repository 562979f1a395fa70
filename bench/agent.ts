// Measures a compiled agent against a control plane on loopback: `npm run build && bun bench/agent.ts
// [<part>…]`.
import type { Call } from "./control-plane.ts";
import { findByEnvironment, isAlive, readCpu, readMemory, readWakeUps } from "./proc.ts";
import { mb, median, ms, row, spread } from "./figures.ts";
import { binary, env, graceSeconds, productionInterval, runParts, startAgent } from "./running-agent.ts";

await runParts({ start, hello, trickle, printing, stop, idle });

/** Measures the time from the start of the agent to its first sync. */
async function start(): Promise<void> {
  const bare: number[] = [];
  const synced: number[] = [];
  for (let round = 0; round < 15; round++) {
    const from = performance.now();
    Bun.spawnSync([binary, "version"], { env });
    bare.push(performance.now() - from);
    await using agent = startAgent();
    const { at } = await agent.plane.until(({ endpoint }) => endpoint === "sync/waiting-for-jobs");
    synced.push(at - agent.startedAt);
  }
  row("start → first sync", `${spread(synced)} (< 100 ms; \`version\` alone ${ms(median(bare))})`);
}

/** Measures the steps of a job that prints one line. */
async function hello(): Promise<void> {
  await using agent = startAgent();
  const { plane } = agent;
  const spans: Record<string, number[]> = {
    fetched: [],
    first: [],
    output: [],
    logged: [],
    finished: [],
    bash: [],
  };
  for (let round = 0; round < 31; round++) {
    const login = performance.now();
    Bun.spawnSync(["bash", "--login", "-c", "echo hello"], { env });
    const bash = performance.now() - login;
    plane.clear();
    const id = `hello-${round}`;
    const assigned = await plane.run(id, ["echo hello"]);
    const at = async (test: (call: Call) => boolean) => (await plane.until(test)).at - assigned;
    const fetched = await at(({ endpoint }) => endpoint === "fetch");
    const first = await at(({ endpoint }) => endpoint === "log");
    const output = await at(({ endpoint, text }) => endpoint === "log" && text.includes('"output":"hello'));
    const logged = await at(({ endpoint, text }) => endpoint === "log" && text.includes('"job_finished"'));
    const finished = await at(({ endpoint }) => endpoint === "sync/finished-job");
    await plane.until(
      ({ endpoint, at: when }) => endpoint === "sync/waiting-for-jobs" && when > assigned + finished,
    );
    await Bun.sleep(50);
    // The first round warms up.
    if (round > 0)
      for (const [name, value] of Object.entries({ fetched, first, output, logged, finished, bash }))
        spans[name]!.push(value);
  }
  row("run-job → fetch of the request", spread(spans["fetched"]!));
  row("run-job → first event", spread(spans["first"]!));
  row("run-job → first output, hello job", `${spread(spans["output"]!)} (< 60 ms)`);
  row("run-job → last event", spread(spans["logged"]!));
  row("run-job → finished-job, hello job", `${spread(spans["finished"]!)} (< 80 ms)`);
  row("… of which a login bash", spread(spans["bash"]!));
}

/** Measures the time from printing a line to its arrival, and from the last line to the end of the job. */
async function trickle(): Promise<void> {
  const ends: number[] = [];
  for (const seconds of ["0.1", "0.37", "1"]) {
    await using agent = startAgent();
    const { plane } = agent;
    plane.intervalMs = productionInterval;
    const count = seconds === "1" ? 8 : 20;
    await plane.run("job", [
      `for ((i = 0; i < ${count}; i++)); do echo "at $EPOCHREALTIME"; sleep ${seconds}; done`,
      'echo "end $EPOCHREALTIME"',
    ]);
    const { at } = await plane.until(({ endpoint }) => endpoint === "sync/finished-job");
    row(`printed → received, a line every ${seconds} s`, `${spread(delays(plane.calls))} (< 150 ms)`);
    const last = /end (\d+\.\d+)/.exec(plane.calls.map(({ text }) => text).join(""))?.[1];
    ends.push(at - Number(last) * 1000);
  }
  row("job end → finished-job, small log", `${spread(ends)} (< 100 ms)`);
}

/** Measures the delay of lines that bash prints without a pause. */
async function printing(): Promise<void> {
  await using agent = startAgent();
  const { plane } = agent;
  plane.intervalMs = productionInterval;
  const line = "x".repeat(80);
  await plane.run("job", [
    `end=$((SECONDS + 5)); while ((SECONDS < end)); do echo "at $EPOCHREALTIME ${line}"; done`,
  ]);
  await plane.until(({ endpoint }) => endpoint === "sync/finished-job");
  const all = delays(plane.calls);
  row(
    "printed → received, lines without a pause",
    `${spread(all)} (< 150 ms; ${(all.length / 5000).toFixed(0)}k lines/s)`,
  );
}

/** Measures the memory and processor time of an idle agent. */
async function idle(): Promise<void> {
  await using agent = startAgent();
  const { plane } = agent;
  plane.intervalMs = productionInterval;
  await plane.until(({ endpoint }) => endpoint.startsWith("sync/"));
  await Bun.sleep(5000);
  const [cpu, wakeUps, from] = [readCpu(agent.pid), readWakeUps(agent.pid), performance.now()];
  await Bun.sleep(30_000);
  const span = performance.now() - from;
  const { rss, pss } = readMemory(agent.pid);
  row("idle agent", `${mb(rss)} RSS (< 55 MB), ${mb(pss)} PSS`);
  const share = ((readCpu(agent.pid) - cpu) / span) * 100;
  const rate = ((readWakeUps(agent.pid) - wakeUps) / span) * 1000;
  row(
    "… with a sync every 4–6 s",
    `${share.toFixed(3)} % of a core (< 0.1 %), ${rate.toFixed(1)} wake-ups a second`,
  );
}

/** Measures the stop of a job that ignores SIGTERM and has a child in another session. */
async function stop(): Promise<void> {
  const killed: number[] = [];
  const reported: number[] = [];
  for (let round = 0; round < 5; round++) {
    await using agent = startAgent();
    const { plane } = agent;
    const id = `stop_${process.pid}_${round}`;
    await plane.run(id, ["trap '' TERM; setsid sleep 1000 & echo READY; while :; do sleep 1; done"]);
    await plane.until(({ text }) => text.includes('"output":"READY'));
    await Bun.sleep(200);
    const pids = findByEnvironment(`SIGNALMAN_JOB_${id}_`);
    const answered = await plane.stop(id);
    while (pids.some(isAlive)) await Bun.sleep(2);
    killed.push(performance.timeOrigin + performance.now() - answered - graceSeconds * 1000);
    const { at } = await plane.until(({ endpoint }) => endpoint === "sync/finished-job");
    reported.push(at - answered - graceSeconds * 1000);
    if (pids.length < 3) throw new Error(`the job has ${pids.length} processes, expected at least 3`);
  }
  row("stop-job → all processes killed", `grace + ${spread(killed)} (< 200 ms)`);
  row("… → finished-job", `grace + ${spread(reported)}`);
}

/** Returns the milliseconds from printing each line to its arrival. */
function delays(calls: readonly Call[]): number[] {
  return calls
    .filter(({ endpoint }) => endpoint === "log")
    .flatMap(({ text, at }) =>
      [...text.matchAll(/at (\d+\.\d+)/g)].map(([, printed]) => at - Number(printed) * 1000),
    );
}
