import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CheckContext,
  type Executor,
  type Finding,
  type Logger,
  toMessage,
  withoutSecrets,
} from "signalman";
import { createShellExecutor } from "../shell.ts";
import { findBash } from "./bash.ts";
import { facts, type LoginFacts, toFindings } from "./login-facts.ts";

const slowMs = 1000;
const profiles = "/etc/profile, ~/.bash_profile (or ~/.bash_login, ~/.profile), and what they source";

/** Starts a shell as every job gets one, and asks it what a job would find there. */
export async function checkLogin({ env, signal }: CheckContext, logger: Logger): Promise<Finding[]> {
  // Another check says so.
  if (findBash(env) === null) return [];
  const directory = await mkdtemp(join(tmpdir(), "signalman-doctor-"));
  const cookie = {
    name: `SIGNALMAN_JOB_doctor_${randomBytes(4).toString("hex")}`,
    value: randomBytes(16).toString("hex"),
  };
  const environment = { ...withoutSecrets(env), [cookie.name]: cookie.value };
  const options = { stopGraceMs: 0, terminalSize: { rows: 0, columns: 0 } };
  const startedAt = performance.now();
  try {
    await using shell = createShellExecutor(
      { environment, cookie, directory, logger, options },
      // The signal comes before.
      { startTimeoutMs: 3_600_000, keepProcesses: [] },
    );
    const code = await shell.start(signal);
    const durationMs = Math.round(performance.now() - startedAt);
    if (code !== 0) return [toHanging(durationMs)];
    const known = await ask(shell);
    return [toStarted(durationMs), ...(await findPrinted(env, signal)), ...toFindings(known)];
  } catch (error) {
    const remedy = `look through ${profiles}, for exit, exec and what fails; \`bash --login -x\` shows each step`;
    return [{ level: "error", title: "the login shell does not start", detail: toMessage(error), remedy }];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function toStarted(durationMs: number): Finding {
  const title = `the login shell starts in ${durationMs} ms`;
  if (durationMs <= slowMs) return { level: "ok", title };
  const remedy = `every job waits for it: look through ${profiles}; \`PS4='\\t ' bash --login -x\` shows when each step ran`;
  return { level: "warning", title, remedy };
}

function toHanging(durationMs: number): Finding {
  return {
    level: "error",
    title: `the login shell was not ready after ${(durationMs / 1000).toFixed(1)} s`,
    remedy: `look through ${profiles}, for what waits for input or for the network; \`bash --login -x\` shows each step`,
  };
}

async function ask(shell: Executor): Promise<LoginFacts> {
  const decoder = new TextDecoder();
  let said = "";
  await shell.run(
    facts.map(({ name, script }) => `printf 'signalman-%s=%s\\n' ${name} "$(${script})"`).join("\n"),
    (chunk) => void (said += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true })),
  );
  return Object.fromEntries(
    facts.map(({ name }) => [
      name,
      new RegExp(`^signalman-${name}=(.*)$`, "m").exec(said)?.[1]?.trim() ?? "",
    ]),
  ) as LoginFacts;
}

/** No job's log shows it; whoever logs in by a program reads it as data. */
async function findPrinted(env: CheckContext["env"], signal: AbortSignal): Promise<Finding[]> {
  const program = Bun.spawn(["bash", "--login", "-c", "true"], {
    env: withoutSecrets(env),
    stdin: "ignore",
    stderr: "ignore",
    signal,
    killSignal: "SIGKILL",
  });
  const printed = (await program.stdout.text()).trim();
  if (printed === "" || signal.aborted) return [];
  return [
    {
      level: "warning",
      title:
        "the login profile prints, which breaks what reads a login shell's output, such as scp and rsync",
      detail: printed.slice(0, 200),
      remedy: "print to terminals only, as in: [ -t 1 ] && echo hello",
    },
  ];
}
