// `npm run demo`: a hub and an agent on this machine, a job with its log live; then a job whose agent is killed with -9 in the
// middle, and comes back. All of it lives in a temporary directory.

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
process.on("SIGINT", () => leave(130));
process.on("SIGTERM", () => leave(143));

say("a hub: a control plane for development, embedded in the program");
const hub = start(["hub", "--port", "0", "--sync-interval", "200-400"], "pipe");
const said = await readUntil(
  hub.stdout as ReadableStream<Uint8Array>,
  /listening on (\S+)\s+registration token: (\S+)/,
);
[, endpoint = "", token = ""] = said;

say("an agent that takes its jobs from there");
let agent = startAgent();

say("a job (docs/examples/hello.yaml), its log live");
const first = await follow("hello.yaml");

say("another job; in the middle of it the agent is killed with -9");
const second = follow("countdown.yaml");
await Bun.sleep(2500);
agent.kill("SIGKILL");
await agent.exited;
say("killed; the job goes on in its own process, and nobody delivers its log");
await Bun.sleep(1000);
say("the agent is back, and takes the job over");
agent = startAgent();
const code = await second;

const lines = await logLines();
const isWhole = Array.from({ length: 40 }, (_, i) => String(40 - i)).every((line, i) => lines[i] === line);
say(isWhole ? "the log is whole: 40 lines, once and in order" : `the log is NOT whole: ${lines.join(" ")}`);
leave(first === 0 && code === 0 && isWhole ? 0 : 1);

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

/** What the second job printed, as the hub has it. */
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

function say(text: string): void {
  console.log(process.stdout.isTTY ? `\n\x1b[1;34m── ${text}\x1b[0m` : `\n── ${text}`);
}

function leave(exitCode: number): never {
  for (const child of children) child.kill("SIGKILL");
  rmSync(place, { recursive: true, force: true });
  process.exit(exitCode);
}
