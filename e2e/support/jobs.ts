import { readdirSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import type { Finished, StartOptions, Tester } from "./fixtures.ts";

/** The contents of a job file. */
export type JobFile = Readonly<Record<string, unknown>>;

/** Writes a job file and runs it with `signalman run`. */
export async function runJob(
  tester: Tester,
  job: JobFile,
  args: readonly string[] = [],
  options?: StartOptions,
): Promise<Finished> {
  const file = await tester.write("job.json", JSON.stringify(job));
  return tester.run(["run", file, ...args], options);
}

/** Runs a job with `--json` and returns its events. */
export async function runForEvents(
  tester: Tester,
  job: JobFile,
  args: readonly string[] = [],
  options?: StartOptions,
): Promise<{ exitCode: number; stderr: string; events: JobEvent[] }> {
  const { exitCode, stdout, stderr } = await runJob(tester, job, ["--json", ...args], options);
  return { exitCode, stderr, events: toEvents(stdout) };
}

/** Parses NDJSON. Throws when the last line is incomplete. */
export function toEvents(ndjson: string): JobEvent[] {
  if (ndjson !== "" && !ndjson.endsWith("\n")) throw new Error(`incomplete last line: ${ndjson.slice(-200)}`);
  return ndjson
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JobEvent);
}

/**
 * Summarizes events: `start`, `[directive] exit code: output` for each command, `end result`. Throws when
 * commands are not paired (protocol section 5.3).
 */
export function outline(events: readonly JobEvent[]): string[] {
  const lines: string[] = [];
  let open: { directive: string; output: string } | undefined;
  for (const event of events) {
    switch (event.event) {
      case "job_started":
        lines.push("start");
        break;
      case "cmd_started":
        if (open) throw new Error(`command "${event.directive}" started within "${open.directive}"`);
        open = { directive: event.directive, output: "" };
        break;
      case "cmd_output":
        if (!open) throw new Error(`output outside of a command: ${event.output}`);
        open.output += event.output;
        break;
      case "cmd_finished":
        if (open?.directive !== event.directive)
          throw new Error(`command "${event.directive}" finished, but is not open`);
        lines.push(`[${event.directive}] ${event.exit_code}: ${open.output}`);
        open = undefined;
        break;
      case "job_finished":
        if (open) throw new Error(`command "${open.directive}" did not finish`);
        lines.push(`end ${event.result}`);
    }
  }
  return lines;
}

/** Returns the output of a command in the log. */
export function outputOf(events: readonly JobEvent[], directive: string): string {
  let isOpen = false;
  let output = "";
  for (const event of events) {
    if (event.event === "cmd_started") isOpen = event.directive === directive;
    else if (event.event === "cmd_output" && isOpen) output += event.output;
  }
  return output;
}

/** Lists the files that a run left behind in `TMPDIR`, except for the agent's log. */
export async function findLeftovers(tester: Tester): Promise<string[]> {
  return (await readdir(tester.temporary)).filter((name) => name !== "agent_log");
}

/** Returns an argument of `sleep` that no other process on this machine has. */
export function uniqueSeconds(): string {
  return `3600.${Math.floor(Math.random() * 1e12)}`;
}

/**
 * Returns the command lines of running processes that contain the word. Zombies have an empty command line.
 */
export function findProcesses(word: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const line = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "latin1") : "";
      return line.includes(word) ? [line.replaceAll("\0", " ").trim()] : [];
    } catch {
      return [];
    }
  });
}

/** Polls a condition, for states without an event to wait for. */
export async function until(description: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`condition not met within 60 s: ${description}`);
    await Bun.sleep(20);
  }
}
