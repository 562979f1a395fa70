import { join } from "node:path";
import type Docker from "dockerode";
import type { ExecutorContext } from "signalman";
import type { SideShell, SideTerminal, TerminalOptions } from "signalman/executor";
import { privateDirectory } from "../containers/spec.ts";
import type { DockerJob } from "../docker-job.ts";
import type { Engine } from "../engine/engine.ts";
import type { Keeper } from "./keeper.ts";
import { relayStream } from "./container-terminal.ts";

/** Returns where a shell beside a job's running one opens: in an exec of the same container, as the same user. */
export function createSideShell(
  { engine, container, keepers }: DockerJob,
  { context, number }: { readonly context: Pick<ExecutorContext, "directory">; readonly number: number },
): SideShell {
  // A name that other users of the container cannot guess, since the commands may contain secrets.
  const path = `${privateDirectory}/${crypto.randomUUID()}`;
  return {
    login: false,
    open: (terminal) => openExecTerminal(engine, container, terminal),
    async putCommand(text) {
      await keepers.put(path, Buffer.from(`${text}\n`));
      return path;
    },
    answers: privateDirectory,
    overflow: join(context.directory, `overflow-${number}`),
    startTimeoutMs: engine.timeoutMs,
    async end(session) {
      try {
        const keeper = await keepers.current();
        // The engine keeps an exec running when its connection is closed.
        if (session?.alive) await keeper.kill(await findShell(keeper, session.shellPid));
        await keepers.put(path, new Uint8Array());
      } catch {
        // It ends with its container.
      }
    },
  };
}

/** Finds a shell and the leader of its terminal. */
async function findShell(keeper: Keeper, shellPid: number): Promise<number[]> {
  const { processes } = await keeper.list();
  const parent = processes.find(({ pid }) => pid === shellPid)?.parent ?? 0;
  return [shellPid, parent].filter((pid) => pid > 1);
}

async function openExecTerminal(
  engine: Engine,
  container: Docker.Container,
  { command, onData }: TerminalOptions,
): Promise<SideTerminal> {
  const what = "open a further shell in the job's container";
  const exec = await engine.call(
    what,
    container.exec({
      Cmd: [...command],
      Tty: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    }),
  );
  const stream = await engine.call(what, exec.start({ hijack: true, stdin: true, Tty: true }));
  const { ended, write, close } = relayStream(stream, onData);
  return {
    ended,
    write,
    input: write,
    resize: ({ rows, columns }) => void exec.resize({ h: rows, w: columns }).catch(() => {}),
    kill: close,
    [Symbol.asyncDispose]: async () => close(),
  };
}
