import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { createScene, type Scene } from "../support/agents.ts";
import { type Deed, type Place, writeBadPlugin } from "./bad-plugins.ts";
import type { Running } from "../support/fixtures.ts";
import { until } from "../support/jobs.ts";

/** What an agent with a bad plugin did: two jobs, one after the other, and the end of the agent. */
export interface AgentOutcome {
  /** The results of the job during which the plugin acted, and of the next one. */
  readonly results: readonly string[];
  /** Exit status of the first agent process; one that exits is started again. */
  readonly status: number;
  /** Milliseconds from the deed to the report. `undefined`: the deed was not reported. */
  readonly reportedMs: number | undefined;
  /** Milliseconds from the first result to the second. */
  readonly nextMs: number;
  /** The agent's log, and what the agent processes printed to stderr. */
  readonly output: string;
}

/** A scene whose agents have a bad plugin. */
export async function createBadScene(place: Place, deed: Deed): Promise<Scene> {
  const scene = await createScene();
  await writeBadPlugin(scene.tester, place, deed);
  const fast = await Bun.file(`${scene.tester.home}/fast.json`).json();
  // Many agents at once may be slow to answer.
  const logPush = { ...fast.plugins["log-push"], "request-timeout": 20 };
  const plugins = { ...fast.plugins, "log-push": logPush, "./bad.ts": {} };
  const config = { ...fast, "request-timeout": 20, plugins };
  await scene.tester.write("fast.json", JSON.stringify(config));
  return scene;
}

export interface AgentCase {
  readonly place: Place;
  readonly deed: Deed;
  /** What the agent's log or its stderr shows. */
  readonly report: RegExp | undefined;
  /** The job is stopped once it runs, or once the plugin acts or was reported. */
  readonly stopWhen?: "runs" | "acts" | "reported";
}

/** Runs two jobs in an agent with a bad plugin, then ends the agent. */
export async function runInAgent({ place, deed, report, stopWhen }: AgentCase): Promise<AgentOutcome> {
  await using scene = await createBadScene(place, deed);
  const { hub } = scene;
  const done = path.join(scene.tester.home, "done");
  const isInJob = /^(job|command):| in a job$/.test(place);
  // Under load a flood stops the loop for as long as the watchdog allows.
  using supervisor = supervise(scene, deed === "spin" && !isInJob ? ["--watchdog", "2"] : []);
  const output = async () => `${await scene.agentLog().catch(() => "")}${supervisor.printed()}`;
  const watch = watchReport(done, report, output);
  const isReported = () => watch.reportedMs() !== undefined;
  const ids = [
    await hub.submit({ commands: [stopWhen === "runs" ? stubborn : "sleep 0.2"] }),
    await hub.submit({ commands: ["true"] }),
  ];
  if (place === "load" && deed === "spin") {
    // The watchdog begins after the plugins were loaded.
    await until("the plugin acts", () => existsSync(done));
    supervisor.current().kill("SIGTERM");
  }
  if (stopWhen) {
    if (stopWhen === "runs") await hub.shows(ids[0]!, "begun\n");
    else await until("the plugin acts", () => existsSync(done));
    if (stopWhen === "reported") await until("the plugin is reported", isReported);
    await hub.stopJob(ids[0]!);
  }
  // Its deadline is as long as the patience of a test.
  if (place === "agent:start" && deed === "never") await supervisor.firstExit;
  const first = (await hub.done(ids[0]!)).result;
  const firstAt = performance.now();
  const next = (await hub.done(ids[1]!)).result;
  const nextMs = performance.now() - firstAt;
  const isAtExit = exitPlaces.includes(place);
  if (deed === "never" && report && !isAtExit) await until("the plugin is reported", isReported);
  const statuses = await supervisor.end(async () => {
    if (place !== "agent:exit" || deed !== "never") return;
    await until("the plugin is reported", isReported);
    supervisor.current().kill("SIGTERM");
  });
  const reportedMs = await watch.end();
  return {
    results: [String(first), String(next)],
    status: statuses[0]!,
    reportedMs,
    nextMs,
    output: await output(),
  };
}

/** A command that ignores SIGTERM. */
const stubborn = "trap '' TERM; echo begun; while :; do sleep 1; done";

/** Places where a plugin acts when the agent exits. */
const exitPlaces: readonly Place[] = ["agent:draining", "agent:left", "agent:exit", "agent:stop", "disposal"];

/** Starts an agent, and another one as often as it exits. */
function supervise(scene: Scene, args: readonly string[]) {
  const statuses: number[] = [];
  const firstExit = Promise.withResolvers<void>();
  let printed = "";
  const ending = new AbortController();
  let current: Running;
  const start = async (): Promise<void> => {
    for (let count = 0; !ending.signal.aborted && count < 5; count++) {
      current = scene.agent(args);
      const { exitCode, stdout, stderr } = await current.finished;
      statuses.push(exitCode);
      printed += stdout + stderr;
      firstExit.resolve();
    }
  };
  const ended = start();
  return {
    firstExit: firstExit.promise,
    current: () => current,
    printed: () => `${printed}${current.stdout}`,
    async end(meanwhile: () => Promise<void>): Promise<readonly number[]> {
      ending.abort();
      current.kill("SIGTERM");
      await Promise.all([ended, meanwhile()]);
      return statuses;
    },
    /** Starts no further agent. */
    [Symbol.dispose]: () => ending.abort(),
  };
}

/** Measures the time from the deed, which creates a file, to its report. */
function watchReport(done: string, report: RegExp | undefined, output: () => Promise<string>) {
  let reportedMs: number | undefined;
  const look = async () => {
    if (!report || reportedMs !== undefined || !existsSync(done)) return;
    if (report.test(await output())) reportedMs = Math.round(Date.now() - statSync(done).mtimeMs);
  };
  const timer = setInterval(() => void look(), 50);
  return {
    reportedMs: () => reportedMs,
    async end() {
      clearInterval(timer);
      await look();
      return reportedMs;
    },
  };
}
