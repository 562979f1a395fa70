import { type Deed, deeds, hooks, type Place } from "./bad-plugins.ts";
import type { AgentCase } from "./bad-plugin-agent.ts";

/** What must follow from a deed of a plugin in an agent. */
export interface AgentRow extends AgentCase {
  readonly result: "passed" | "failed" | "stopped";
  /** Exit status of the first agent process. One that exits before it is asked to is started again. */
  readonly status: number;
}

type Expected = Omit<AgentRow, "place" | "deed">;

const passed = (report: RegExp | undefined, status = 0): Expected => ({ report, result: "passed", status });
const failed = (report: RegExp): Expected => ({ report, result: "failed", status: 0 });
const stopped = (report: RegExp, stopWhen: AgentCase["stopWhen"] = "reported"): Expected => ({
  report,
  result: "stopped",
  status: 0,
  stopWhen,
});

const hasNotReturned = (place: Place) => new RegExp(`plugin "bad" has not returned from ${place} for`);
const threw = (place: string) => new RegExp(`plugin "bad" failed in ${place} \\(bad\\.ts:2\\): boom`);
const watchdog = (open: string) => new RegExp(`the process was killed \\(${open}`);
const stopsProcess = (place: Place) =>
  new RegExp(`plugin "bad" has not returned from ${place} for \\d+ s, and blocks the job's process`);
const endedProgram = /plugin "(bad|\.\/bad\.ts)" \(bad\.ts:2\) ended the program: process\.exit\(0\)/;
const endedJob = /plugin "bad" \(bad\.ts:2\) ended it: process\.exit\(0\)/;
const uncaught = /uncaught error in plugin "bad" \(bad\.ts:2\): boom/;
const flood = /flood of a plugin/;
const didNotRespond = /job process did not respond within 10 s/;
const noHook = "no hook of a plugin was open";

/** Where the same deed follows other rules than at a hook of its kind. */
const special: Partial<Record<Place, Record<Deed, Expected>>> = {
  load: {
    never: passed(/"\.\/bad\.ts" .* did not load within 10 s/, 1),
    // The watchdog begins when the plugins are loaded: the test ends the agent.
    spin: passed(undefined, 143),
    throws: passed(/failed to load \(bad\.ts:2\): boom/, 1),
    exits: passed(endedProgram, 1),
    floods: passed(flood),
  },
  setup: {
    never: passed(/plugin "bad" did not finish setup within 10 s/, 1),
    spin: passed(watchdog(noHook), 137),
    throws: passed(threw("setup"), 1),
    exits: passed(endedProgram, 1),
    floods: passed(flood),
  },
  "agent:start": {
    never: passed(hasNotReturned("agent:start"), 1),
    spin: passed(watchdog("plugin bad in agent:start"), 137),
    throws: passed(threw("agent:start"), 1),
    exits: passed(endedProgram, 1),
    floods: passed(flood),
  },
  timer: {
    never: passed(undefined),
    spin: passed(watchdog(noHook), 137),
    throws: passed(uncaught),
    exits: passed(endedProgram, 1),
    floods: passed(flood),
  },
  disposal: {
    never: passed(/plugin "bad" did not finish a clean-up within 5 s/),
    spin: passed(watchdog(noHook), 137),
    throws: passed(/plugin "bad" failed in a clean-up: boom/),
    exits: passed(endedProgram, 1),
    floods: passed(flood),
  },
  // The log of the job is complete, so that its result is known.
  "job:end": { ...jobHook("job:end"), never: passed(hasNotReturned("job:end")), exits: passed(endedJob) },
  // The slot registers when the time of its first check is over.
  admission: {
    never: passed(/plugin "bad" did not return from admission "bad"\.check within 10 s/),
    spin: passed(watchdog(noHook), 137),
    throws: passed(threw('admission "bad".check')),
    exits: passed(endedProgram, 1),
    floods: passed(flood),
  },
  "policy in a job": {
    never: failed(/plugin "bad" did not return from job-policy "bad"\.check within 30 s/),
    spin: stopped(didNotRespond, "acts"),
    throws: failed(threw('job-policy "bad".check')),
    exits: failed(endedJob),
    floods: passed(flood),
  },
  // The hook is called by the stop of a job that ignores SIGTERM.
  "job:stopping": {
    never: stopped(hasNotReturned("job:stopping"), "runs"),
    spin: stopped(stopsProcess("job:stopping"), "runs"),
    throws: stopped(threw("job:stopping"), "runs"),
    exits: stopped(endedJob, "runs"),
    floods: stopped(flood, "runs"),
  },
  "setup in a job": {
    never: failed(/plugin "bad" did not finish setup within 10 s/),
    spin: stopped(didNotRespond, "acts"),
    throws: failed(threw("setup")),
    exits: failed(endedJob),
    floods: passed(flood),
  },
  "timer in a job": {
    never: passed(undefined),
    spin: stopped(didNotRespond, "acts"),
    throws: passed(uncaught),
    exits: failed(endedJob),
    floods: passed(flood),
  },
  // The result is stored, and the agent has received it.
  "disposal in a job": {
    never: passed(/plugin "bad" did not finish a clean-up within 5 s/),
    spin: passed(undefined),
    throws: passed(/plugin "bad" failed in a clean-up: boom/),
    exits: passed(undefined),
    floods: passed(flood),
  },
};

function agentNotice(place: Place): Record<Deed, Expected> {
  return {
    never: passed(hasNotReturned(place)),
    spin: passed(watchdog(`plugin bad in ${place}`), 137),
    throws: passed(threw(place)),
    exits: passed(endedProgram, 1),
    floods: passed(flood),
  };
}

function jobHook(place: Place): Record<Deed, Expected> {
  const isGate = place === "job:start" || place === "job:prepare";
  return {
    never: stopped(hasNotReturned(place)),
    spin: stopped(stopsProcess(place)),
    throws: isGate ? failed(threw(place)) : passed(threw(place)),
    exits: failed(endedJob),
    floods: passed(flood),
  };
}

const toExpected = (place: Place): Record<Deed, Expected> =>
  special[place] ?? (place.startsWith("agent:") ? agentNotice(place) : jobHook(place));

const places: readonly Place[] = [
  "load",
  "setup",
  "timer",
  ...hooks,
  "disposal",
  "admission",
  "policy in a job",
  "setup in a job",
  "timer in a job",
  "disposal in a job",
];

/** Each place and deed, and what must follow in an agent. */
export const agentTable: readonly AgentRow[] = places.flatMap((place) =>
  (Object.keys(deeds) as Deed[]).map((deed) => ({ place, deed, ...toExpected(place)[deed] })),
);

/**
 * Returns a row of the table in `e2e/plugins/bad-plugins.md`: place, deed, reported after, result, exit status,
 * time to the next job.
 */
export function toTableRow(
  { place, deed, result, status }: AgentRow,
  { reportedMs, nextMs }: { readonly reportedMs: number | undefined; readonly nextMs: number },
): string {
  const toSeconds = (durationMs: number | undefined) =>
    durationMs === undefined ? "–" : `${(durationMs / 1000).toFixed(1)} s`;
  return `| ${[place, deed, toSeconds(reportedMs), result, status, toSeconds(nextMs)].join(" | ")} |\n`;
}
