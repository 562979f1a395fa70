import { join } from "node:path";
import type Docker from "dockerode";
import { AgentError, type ExecutorContext, isAgentError } from "signalman";
import { createSession, type Recorder, type Session, type WaitingRecorder } from "signalman/executor";
import type { Engine } from "../engine/engine.ts";
import { toReason } from "../engine/errors.ts";
import { type ContainerTerminal, openContainerTerminal } from "./container-terminal.ts";
import { createKeepers, type Keepers } from "./put-bytes.ts";
import { startHeartbeat } from "../engine/heartbeat.ts";
import type { ContainerUsage } from "../containers/usage.ts";
import { privateDirectory } from "../containers/spec.ts";
import { giveUp, maxKeptBytes, recordOutput, type SessionHandle } from "./recording.ts";

/** The job's shell, its container, and the keepers in it. */
export interface ContainerSession {
  readonly session: Session<ContainerTerminal>;
  readonly container: Docker.Container;
  readonly keepers: Keepers;
}

export interface OpenSessionOptions {
  readonly engine: Engine;
  /** Creates the first container without starting it. `command` leads its terminal. */
  readonly create: (command: readonly string[]) => Promise<Docker.Container>;
  readonly context: Pick<ExecutorContext, "directory" | "options" | "journal" | "logger">;
  readonly instance: string;
  /** Records the output. Left out: the session ends with this process. */
  readonly waiting: WaitingRecorder | undefined;
  readonly image: string;
  readonly startTimeoutMs: number;
  readonly resources: AsyncDisposableStack;
}

/**
 * Starts the first container and opens the job's shell in it: an interactive bash that is no login shell
 * (protocol section 6.3).
 */
export async function openSession(
  options: OpenSessionOptions,
  signal: AbortSignal,
): Promise<ContainerSession> {
  const { engine, context, resources, image, waiting, instance } = options;
  const { journal } = context;
  /** Complete when the session is recorded, which follows its boot. */
  const handle: Partial<SessionHandle> & { instance: string } = { instance };
  let created: Omit<ContainerSession, "session"> | undefined;
  let session: ContainerSession["session"] | undefined;
  try {
    session = await createSession(
      {
        login: false,
        open: async ({ command, onData }) => {
          const container = await options.create(command);
          const keepers = createKeepers(engine, container, {
            shellPid: () => session?.shellPid ?? 0,
            owner: waiting && journal?.owner,
          });
          resources.defer(() => keepers.close());
          created = { container, keepers };
          signal.throwIfAborted();
          const recording = keepOutput(options, { ...created, handle });
          return openContainerTerminal(engine, container, { onData, recording });
        },
        putCommand: async (text) => {
          const path = toCommandPath(journal?.owner ?? 1);
          await created!.keepers.put(path, Buffer.from(`${text}\n`));
          return path;
        },
        answers: privateDirectory,
        overflow: join(context.directory, "overflow"),
        size: context.options.terminalSize,
        startTimeoutMs: options.startTimeoutMs,
        ...(waiting && journal && { keeping: { journal, handle, maxKeptBytes } }),
      },
      signal,
    );
  } catch (error) {
    if (signal.aborted || !created) throw error;
    if (await lacksBash(created.container, error))
      throw new AgentError("DOCKER_FAILED", toMissingBash(image), { cause: error });
    throw error;
  }
  resources.use(session);
  return { session, ...created! };
}

/**
 * Returns the path of the commands' file. Each process of a job has one: the shell may still receive a line of an
 * earlier process.
 */
export function toCommandPath(owner: number): string {
  return `${privateDirectory}/command${owner === 1 ? "" : `-${owner}`}`;
}

/** Connects what a running session needs: the setting of its terminal, its figures, and the watch on the engine. */
export async function watchSession(
  { session, keepers }: ContainerSession,
  { engine, usage, resources }: WatchOptions,
): Promise<void> {
  session.terminal.onSettle = () =>
    void keepers
      .current()
      .then((each) => each.settle())
      .catch(() => {});
  const keeper = await keepers.current();
  // Without cgroups, the files in the container show the figures of the whole host.
  if ((await engine.cgroups()).driver !== "none")
    usage.setReader(async () => (await keepers.current()).readAccounting());
  // Disposing of the terminal ends the session, so that the running command fails with a reason.
  resources.use(startHeartbeat(engine, () => void session.terminal[Symbol.asyncDispose]()));
  if (session.shellPid > 0) await keeper.watch(session.shellPid);
}

interface WatchOptions {
  readonly engine: Engine;
  readonly usage: ContainerUsage;
  readonly resources: AsyncDisposableStack;
}

/** Records the output of a container that starts next. */
async function keepOutput(
  { engine, context, waiting, resources }: OpenSessionOptions,
  { container, keepers, handle }: Omit<ContainerSession, "session"> & { handle: Partial<SessionHandle> },
): Promise<Recorder | undefined> {
  const { endpoint } = engine;
  const recorder = waiting && (await recordOutput(waiting, { context, endpoint, container }));
  if (!recorder) {
    await keepers.release();
    return undefined;
  }
  resources.use(recorder);
  Object.assign(handle, { container: container.id, recorder: recorder.handle });
  void recorder.lost
    .then(() => giveUp(context, "the recorder of its output has died"))
    .then(keepers.release)
    .catch(() => {});
  return recorder;
}

function toMissingBash(image: string): string {
  return `image "${image}" has no bash, which runs the job's commands: install bash 4.1 or newer in the image, or use another image`;
}

/** Reads the engine's error when the image has no `sh` either; otherwise looks for bash in the container. */
async function lacksBash(container: Docker.Container, error: unknown): Promise<boolean> {
  if (/exec: "sh": executable file not found|exec: "sh": stat sh: no such file/.test(toReason(error)))
    return true;
  if (!isAgentError(error, "SESSION_FAILED")) return false;
  const paths = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"];
  const found = await Promise.all(
    paths.map((path) =>
      container.infoArchive({ path }).then(
        () => true,
        () => false,
      ),
    ),
  );
  return !found.includes(true);
}
