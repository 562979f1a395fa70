import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CheckContext,
  createTextStart,
  type Executor,
  type Finding,
  type Logger,
  readOutput,
  toMessage,
  withoutSecrets,
} from "signalman";
import { type JobUser, toUserCommand, toUserEnvironment } from "signalman/executor";
import { createShellExecutor } from "../shell.ts";
import { findBash } from "./bash.ts";
import { findUsers } from "./job-users.ts";
import { facts, type LoginFacts, toFindings } from "./login-facts.ts";

const maxPrintedBytes = 4096;
const maxFactsBytes = 64 * 1024;
const slowMs = 1000;
const profiles = "/etc/profile, ~/.bash_profile (or ~/.bash_login, ~/.profile) and the files they source";

/** Starts a login shell as a job does, and checks what a job finds in it. */
export async function checkLogin({ env, signal, config }: CheckContext, logger: Logger): Promise<Finding[]> {
  // The check of bash reports this.
  if (findBash(env) === null) return [];
  const directory = await mkdtemp(join(tmpdir(), "signalman-doctor-"));
  const cookie = {
    name: `SIGNALMAN_JOB_doctor_${randomBytes(4).toString("hex")}`,
    value: randomBytes(16).toString("hex"),
  };
  const environment = { ...withoutSecrets(env), [cookie.name]: cookie.value };
  const [user] = findUsers(config);
  const options = {
    stopGraceMs: 0,
    terminalSize: { rows: 0, columns: 0 },
    limits: {},
    ...(user && { user }),
  };
  const startedAt = performance.now();
  try {
    await using shell = createShellExecutor(
      { environment, cookie, directory, logger, options },
      // The signal aborts earlier.
      { startTimeoutMs: 3_600_000, keepProcesses: [] },
    );
    const code = await shell.start(signal);
    const durationMs = Math.round(performance.now() - startedAt);
    if (code !== 0) return [toHanging(durationMs)];
    const known = await readFacts(shell);
    return [toStarted(durationMs), ...(await findPrinted({ env, user, signal })), ...toFindings(known)];
  } catch (error) {
    const remedy = `check ${profiles} for exit, exec and failing commands; \`bash --login -x\` shows each step`;
    return [{ level: "error", title: "the login shell does not start", detail: toMessage(error), remedy }];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function toStarted(durationMs: number): Finding {
  const title = `the login shell starts in ${durationMs} ms`;
  if (durationMs <= slowMs) return { level: "ok", title };
  const remedy = `every job waits for it: check ${profiles}; \`PS4='\\t ' bash --login -x\` shows the time of each step`;
  return { level: "warning", title, remedy };
}

function toHanging(durationMs: number): Finding {
  return {
    level: "error",
    title: `the login shell was not ready after ${(durationMs / 1000).toFixed(1)} s`,
    remedy: `check ${profiles} for commands that wait for input or the network; \`bash --login -x\` shows each step`,
  };
}

async function readFacts(shell: Executor): Promise<LoginFacts> {
  const output = createTextStart(maxFactsBytes);
  await shell.run(
    facts.map(({ name, script }) => `printf 'signalman-%s=%s\\n' ${name} "$(${script})"`).join("\n"),
    output.add,
  );
  const { text } = output;
  return Object.fromEntries(
    facts.map(({ name }) => [
      name,
      new RegExp(`^signalman-${name}=(.*)$`, "m").exec(text)?.[1]?.trim() ?? "",
    ]),
  ) as LoginFacts;
}

/**
 * Reports output of the login profile, which does not appear in job logs but breaks programs that read a
 * login shell's output.
 */
async function findPrinted(options: {
  env: CheckContext["env"];
  user: JobUser | undefined;
  signal: AbortSignal;
}): Promise<Finding[]> {
  const { env, user, signal } = options;
  const program = Bun.spawn([...toUserCommand(user, ["bash", "--login", "-c", "true"])], {
    env: { ...toUserEnvironment(user, withoutSecrets(env)) },
    cwd: "/",
    stdin: "ignore",
    stderr: "ignore",
    signal,
    killSignal: "SIGKILL",
  });
  const printed = (await readOutput(program.stdout, maxPrintedBytes)).text.trim();
  if (printed === "" || signal.aborted) return [];
  return [
    {
      level: "warning",
      title: "the login profile prints output, which breaks programs such as scp and rsync",
      detail: printed.slice(0, 200),
      remedy: "print to terminals only, for example: [ -t 1 ] && echo hello",
    },
  ];
}
