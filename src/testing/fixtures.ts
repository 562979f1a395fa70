import { rmSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir as systemTmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutorContext } from "../core/contracts/executor.ts";
import type { JobCommandContext } from "../core/contracts/job-command.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import { createCookie } from "../os/processes/cookie.ts";
import { createRecordingJobLog } from "./job-log.ts";
import { silentLogger } from "./loggers.ts";

/** A private directory (mode 0700) that is removed when it is disposed. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Creates a temporary directory: `await using tmp = await tmpdir()`. */
export async function tmpdir(): Promise<TemporaryDirectory> {
  const path = await realpath(await mkdtemp(join(systemTmpdir(), "signalman-test-")));
  if (openDirectories.size === 0) process.on("exit", removeOpenDirectories);
  openDirectories.add(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      openDirectories.delete(path);
      if (openDirectories.size === 0) process.off("exit", removeOpenDirectories);
    },
  };
}

/** Tests that are interrupted dispose nothing. */
const openDirectories = new Set<string>();

function removeOpenDirectories(): void {
  for (const path of openDirectories) rmSync(path, { recursive: true, force: true });
}

/** A job request without commands, changed by `overrides`. */
export function jobRequest(overrides: Partial<JobRequest> = {}): JobRequest {
  return {
    id: "00000000-0000-4000-8000-000000000001",
    name: "a job",
    executor: "shell",
    env: [],
    files: [],
    commands: [],
    epilogueAlways: [],
    epilogueOnPass: [],
    epilogueOnFail: [],
    containers: [],
    imagePullCredentials: [],
    hostSetupCommands: [],
    sshPublicKeys: [],
    callbacks: { finished: "", teardownFinished: "", token: "" },
    logger: { method: "push", url: "", token: "", maxSizeInBytes: 0 },
    ...overrides,
  };
}

/** A variable in the form of the protocol, with its value in base64. */
export function environmentVariable(name: string, text: string): { name: string; value: string } {
  return { name, value: Buffer.from(text).toString("base64") };
}

/** A job command's context. `overrides` replace its members. */
export function jobCommandContext(overrides: Partial<JobCommandContext> = {}): JobCommandContext {
  return {
    job: jobRequest(),
    slot: 0,
    signal: new AbortController().signal,
    home: "/nowhere",
    directory: "/nowhere",
    log: { write() {} },
    setVariable() {},
    ...overrides,
  };
}

/** The context from which an executor is created. `directory`: the job's own directory. */
export function executorContext(
  directory: string,
  overrides: Partial<ExecutorContext> = {},
): ExecutorContext {
  const job = overrides.job ?? jobRequest();
  const cookie = createCookie(job.id);
  return {
    job,
    agentId: "test-agent",
    environment: { ...(process.env as Record<string, string>), [cookie.name]: cookie.value },
    cookie,
    directory,
    hostPaths: [
      { path: directory, isWritten: false },
      { path: process.execPath, isWritten: false },
    ],
    log: createRecordingJobLog(),
    imagePulled: async () => {},
    showProgress: () => ({ [Symbol.dispose]() {} }),
    logger: silentLogger,
    options: { stopGraceMs: 1000, terminalSize: { rows: 0, columns: 0 }, limits: {} },
    ...overrides,
  };
}
