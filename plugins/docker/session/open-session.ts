import { join } from "node:path";
import type Docker from "dockerode";
import { AgentError, type ExecutorContext, isAgentError } from "signalman";
import { createSession, type Session } from "signalman/executor";
import type { Engine } from "../engine/engine.ts";
import { toReason } from "../engine/errors.ts";
import { type ContainerTerminal, openContainerTerminal } from "./container-terminal.ts";
import { createKeepers, type Keepers } from "./put-bytes.ts";
import { privateDirectory } from "../containers/spec.ts";

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
  readonly context: Pick<ExecutorContext, "directory" | "options">;
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
  const { engine, context, resources, image } = options;
  let created: Omit<ContainerSession, "session"> | undefined;
  let session: ContainerSession["session"] | undefined;
  try {
    session = await createSession(
      {
        login: false,
        open: async ({ command, onData }) => {
          const container = await options.create(command);
          const keepers = createKeepers(engine, container, () => session?.shellPid ?? 0);
          resources.defer(() => keepers.close());
          created = { container, keepers };
          signal.throwIfAborted();
          return openContainerTerminal(engine, container, onData);
        },
        putCommand: async (text) => {
          const path = `${privateDirectory}/command`;
          await created!.keepers.put(path, Buffer.from(`${text}\n`));
          return path;
        },
        answers: privateDirectory,
        overflow: join(context.directory, "overflow"),
        size: context.options.terminalSize,
        startTimeoutMs: options.startTimeoutMs,
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
