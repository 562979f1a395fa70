import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EndReport } from "../../../src/os/processes/end-report.ts";
import {
  isDead,
  listPids,
  type ProcessStat,
  readArguments,
  readStat,
} from "../../../src/os/processes/proc.ts";

export interface Plan {
  readonly subReaper: boolean;
  readonly graceMs: number;
  readonly nowAfterMs?: number;
  readonly jobs: readonly { readonly script: string; readonly keep?: readonly string[] }[];
}

/**
 * A temporary directory and a unique mark: processes with the mark in their command line are killed at the
 * end.
 */
export function createPlayground() {
  // `sleep` adds its arguments up, so the mark can be a second argument.
  const mark = `0.0${Math.floor(Math.random() * 1e12)}`;
  const dir = mkdtempSync(join(tmpdir(), "processes-"));
  chmodSync(dir, 0o777);
  const marked = () => findMarked(mark);
  return {
    dir,
    mark,
    /** Running processes with the mark. */
    marked,
    /** A script that bash sources. `MARK` and `DIR` are replaced; it must print READY. */
    write(name: string, text: string) {
      const path = join(dir, name);
      writeFileSync(path, text.replaceAll("MARK", mark).replaceAll("DIR", dir));
      return path;
    },
    [Symbol.dispose]() {
      for (let left = marked(); left.length > 0; left = marked()) {
        for (const { pid } of left) kill(pid);
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export type User = "this user" | "an ordinary user";

/** Starts `agent.ts` and resolves when all its jobs are ready. */
export async function startAgent(plan: Plan, user: User = "this user") {
  const file = join(import.meta.dir, "agent.ts");
  const command = [process.execPath, file];
  const agent = Bun.spawn(user === "this user" ? command : [...asNobody, ...command], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, BUN_INSTALL_CACHE_DIR: tmpdir() },
  });
  const lines = readLines(agent.stdout);
  const read = async () => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error("the test's agent died");
    return value;
  };
  const send = async (line: string) => {
    void agent.stdin.write(`${line}\n`);
    await agent.stdin.flush();
  };
  await send(JSON.stringify(plan));
  await read();
  return {
    /** Ends the next job. */
    async end() {
      await send("end");
      return JSON.parse(await read()) as EndReport & { durationMs: number };
    },
    async [Symbol.asyncDispose]() {
      agent.kill("SIGKILL");
      await agent.exited;
    },
  };
}

const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** The users that run the tests: the current one and, if that is root, an ordinary user as well. */
export const users: readonly User[] = canBeNobody() ? ["this user", "an ordinary user"] : ["this user"];

function canBeNobody() {
  if (process.getuid?.() !== 0 || Bun.which("setpriv") === null) return false;
  const probe = [
    process.execPath,
    "-e",
    `await import(${JSON.stringify(join(import.meta.dir, "fixtures.ts"))})`,
  ];
  return Bun.spawnSync([...asNobody, ...probe], { stdout: "ignore", stderr: "ignore" }).success;
}

function findMarked(mark: string): ProcessStat[] {
  return listPids().flatMap((pid) => {
    if (pid === process.pid || !readArguments(pid).some((argument) => argument.includes(mark))) return [];
    const stat = readStat(pid);
    return stat === undefined || isDead(stat) ? [] : [stat];
  });
}

function kill(pid: number) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has exited already.
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
