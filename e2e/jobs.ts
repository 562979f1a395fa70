import { readdirSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { JobEvent } from "../src/core/contracts/job-events.ts";
import type { Finished, StartOptions, Tester } from "./fixtures.ts";

/** A job as a person would write it; JSON is YAML. */
export type JobFile = Readonly<Record<string, unknown>>;

/** Writes a job file into the home, and runs it to its end. */
export async function runJob(
  tester: Tester,
  job: JobFile,
  args: readonly string[] = [],
  options?: StartOptions,
): Promise<Finished> {
  const file = await tester.write("job.json", JSON.stringify(job));
  return tester.run(["run", file, ...args], options);
}

/** The same with `--json`: its exit status and its events. */
export async function runForEvents(
  tester: Tester,
  job: JobFile,
  args: readonly string[] = [],
  options?: StartOptions,
): Promise<{ exitCode: number; stderr: string; events: JobEvent[] }> {
  const { exitCode, stdout, stderr } = await runJob(tester, job, ["--json", ...args], options);
  return { exitCode, stderr, events: toEvents(stdout) };
}

/** Reads NDJSON. Every line must be a whole event, the last one too. */
export function toEvents(ndjson: string): JobEvent[] {
  if (ndjson !== "" && !ndjson.endsWith("\n"))
    throw new Error(`the last line is torn: ${ndjson.slice(-200)}`);
  return ndjson
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JobEvent);
}

/**
 * The events in short: `start`, `[directive] exit code: output` for each command, `end result`. Throws when they are not strictly
 * paired (protocol section 5.3).
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
        if (open) throw new Error(`"${event.directive}" starts within "${open.directive}"`);
        open = { directive: event.directive, output: "" };
        break;
      case "cmd_output":
        if (!open) throw new Error(`output outside of a command: ${event.output}`);
        open.output += event.output;
        break;
      case "cmd_finished":
        if (open?.directive !== event.directive)
          throw new Error(`"${event.directive}" ends, and is not open`);
        lines.push(`[${event.directive}] ${event.exit_code}: ${open.output}`);
        open = undefined;
        break;
      case "job_finished":
        if (open) throw new Error(`"${open.directive}" never finished`);
        lines.push(`end ${event.result}`);
    }
  }
  return lines;
}

/** What one command of the log printed. */
export function outputOf(events: readonly JobEvent[], directive: string): string {
  let isOpen = false;
  let output = "";
  for (const event of events) {
    if (event.event === "cmd_started") isOpen = event.directive === directive;
    else if (event.event === "cmd_output" && isOpen) output += event.output;
  }
  return output;
}

/** What a run left in `TMPDIR`, beside the agent's log. */
export async function leftovers(tester: Tester): Promise<string[]> {
  return (await readdir(tester.temporary)).filter((name) => name !== "agent_log");
}

/** A word for a `sleep` that no other process of this machine has. */
export function uniqueSeconds(): string {
  return `3600.${Math.floor(Math.random() * 1e12)}`;
}

/** Command lines of living processes that hold the word. Zombies have none. */
export function living(word: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const line = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "latin1") : "";
      return line.includes(word) ? [line.replaceAll("\0", " ").trim()] : [];
    } catch {
      return [];
    }
  });
}

/** For what has no event to wait for. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within 15 s: ${what}`);
    await Bun.sleep(20);
  }
}
