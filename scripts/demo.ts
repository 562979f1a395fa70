// `npm run demo` starts a hub and an agent on this machine and follows the log of a job. It then kills the
// agent with SIGKILL during a second job, restarts it, and checks that the log is complete. All state is in a
// temporary directory.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.dirname(import.meta.dir);
const place = mkdtempSync(path.join(tmpdir(), "signalman-demo-"));
const env = { ...process.env, SEMAPHORE_AGENT_LOG_FILE_PATH: path.join(place, "agent_log") };
const children = new Set<Bun.Subprocess>();
let endpoint = "";
let token = "";
const ids: string[] = [];
process.on("SIGINT", () => exit(130));
process.on("SIGTERM", () => exit(143));

announce("starting a hub, the built-in control plane for development");
const hub = start(["hub", "--port", "0", "--sync-interval", "200-400"], "pipe");
const match = await readUntil(
  hub.stdout as ReadableStream<Uint8Array>,
  /listening on (\S+)\s+registration token: (\S+)/,
);
[, endpoint = "", token = ""] = match;

announce("starting an agent that takes jobs from the hub");
let agent = startAgent();

announce("running a job (docs/examples/hello.yaml) and following its log");
const first = await follow("hello.yaml");

announce("running a second job, during which the agent is killed with SIGKILL");
const second = follow("countdown.yaml");
await Bun.sleep(2500);
agent.kill("SIGKILL");
await agent.exited;
announce("agent killed; the job continues in its own process, its log is not delivered");
await Bun.sleep(1000);
announce("restarting the agent, which resumes the job");
agent = startAgent();
const code = await second;

const lines = await logLines();
const expected = Array.from({ length: 40 }, (_, index) => String(40 - index));
const isComplete = lines.join(" ") === expected.join(" ");
announce(
  isComplete
    ? "the log is complete: 40 lines in order, without duplicates"
    : `the log is INCOMPLETE: ${lines.join(" ")}`,
);
exit(first === 0 && code === 0 && isComplete ? 0 : 1);

function start(args: readonly string[], stdout: "pipe" | "ignore" | "inherit"): Bun.Subprocess {
  const child = Bun.spawn([process.execPath, path.join(root, "src/main.ts"), ...args], {
    env: { ...env, SEMAPHORE_AGENT_TOKEN: token },
    stdin: "ignore",
    stdout,
    stderr: "ignore",
  });
  children.add(child);
  return child;
}

function startAgent(): Bun.Subprocess {
  return start(
    ["start", "--endpoint", endpoint, "--no-https", "--state-dir", path.join(place, "state")],
    "ignore",
  );
}

async function follow(example: string): Promise<number> {
  const file = path.join(root, "docs/examples", example);
  const id = crypto.randomUUID();
  ids.push(id);
  return start(["hub", "submit", file, "--id", id, "--follow", "--hub", endpoint], "inherit").exited;
}

/** Reads the numbers that the second job printed from its log in the hub. */
async function logLines(): Promise<string[]> {
  const log = start(["hub", "log", ids[1]!, "--json", "--hub", endpoint], "pipe");
  const events = (await new Response(log.stdout as ReadableStream).text())
    .split("\n")
    .filter((line) => line.startsWith('{"event":"cmd_output"'))
    .map((line) => (JSON.parse(line) as { output: string }).output);
  return events
    .join("")
    .split("\n")
    .filter((line) => /^\d+$/.test(line));
}

async function readUntil(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<RegExpExecArray> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    const match = pattern.exec(text);
    if (match) return match;
  }
  throw new Error(`the hub did not start: ${text}`);
}

function announce(text: string): void {
  console.log(process.stdout.isTTY ? `\n\x1b[1;34m── ${text}\x1b[0m` : `\n── ${text}`);
}

function exit(exitCode: number): never {
  for (const child of children) child.kill("SIGKILL");
  rmSync(place, { recursive: true, force: true });
  process.exit(exitCode);
}
