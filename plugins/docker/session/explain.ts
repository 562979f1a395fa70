import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { type Output, toMessage } from "signalman";
import type { Session } from "signalman/terminal";
import type { ServiceEnds } from "../containers/service-ends.ts";
import type { ContainerUsage } from "../containers/usage.ts";
import type { Engine } from "../engine/engine.ts";
import { isUnreachable, statusOf } from "../engine/errors.ts";
import { explainEngineLoss } from "./engine-loss.ts";

/**
 * Runs a command in the session. When it, or the whole container, was ended from outside, its output ends with a line that says how: memory, another
 * process that removed the container, an engine that is gone.
 */
export async function runAndExplain(options: {
  readonly session: Session;
  readonly engine: Engine;
  readonly container: Docker.Container;
  readonly usage: ContainerUsage;
  readonly serviceEnds: ServiceEnds;
  readonly output: Output;
  readonly run: (output: Output) => Promise<number>;
  /** Whether we end the job ourselves. */
  readonly isStopped: () => boolean;
}): Promise<number> {
  const { session, usage, serviceEnds, output, isStopped } = options;
  if (!session.alive) return options.run(output);
  const { oomKills: before = 0 } = usage.read();
  const diedOfMemory = async () => {
    // The keeper may have been killed as well, and another one is asked.
    for (let looks = 0; looks < lateLooks; looks += 1) {
      if ((await usage.look()) > before) return true;
      await sleep(lookMs);
    }
    return false;
  };
  let atLineStart = true;
  const code = await options.run((chunk) => {
    if (chunk.length > 0) atLineStart = isLineEnd(chunk);
    output(chunk);
  });
  if (isStopped() || (session.alive && code === 0)) return code;
  const lines = session.alive
    ? code === killed && (await diedOfMemory())
      ? ["a process of this command was killed: out of memory"]
      : []
    : await explainEnd(options, diedOfMemory);
  lines.push(...(await serviceEnds.find()));
  if (isStopped() || lines.length === 0) return code;
  output(`${atLineStart ? "" : "\n"}${lines.map((line) => `[signalman: ${line}]\n`).join("")}`);
  return code;
}

const lookMs = 50;
const lateLooks = 5;
/** 128 + SIGKILL. */
const killed = 137;

async function explainEnd(
  {
    session,
    engine,
    container,
    isStopped,
  }: { session: Session; engine: Engine; container: Docker.Container; isStopped: () => boolean },
  diedOfMemory: () => Promise<boolean>,
): Promise<string[]> {
  // The shell has ended, and the holder around it could tell how.
  if (session.exitCode !== undefined) {
    const isKilled = session.exitCode === killed && (await diedOfMemory());
    return isKilled ? ["the job's shell was killed: out of memory"] : [];
  }
  let end: string;
  let refusal: unknown;
  try {
    const { State: state } = await engine.call("look at the job's container", container.inspect());
    const isKilled = !state.Running && state.ExitCode === killed;
    if ((isKilled && state.OOMKilled) || (await diedOfMemory()))
      return ["the job's container was killed: out of memory"];
    end = state.Running
      ? "the connection to the job's container was lost: the network failed"
      : `the job's container ended with exit code ${state.ExitCode}`;
  } catch (error) {
    if (statusOf(error) === 404) return ["the job's container was removed by another program"];
    end = `the job's container is out of reach: ${toMessage(error)}`;
    if (isUnreachable(error)) refusal = error;
  }
  return [(await explainEngineLoss(engine, { refusal, isStopped })) ?? end];
}

function isLineEnd(chunk: Uint8Array | string): boolean {
  return typeof chunk === "string" ? chunk.endsWith("\n") : chunk.at(-1) === 0x0a;
}
