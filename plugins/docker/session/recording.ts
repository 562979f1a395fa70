import type Docker from "dockerode";
import { type ExecutorContext, toMessage } from "signalman";
import {
  maxRecordedBytes,
  type Recorder,
  type RecorderHandle,
  startRecorder,
  type WaitingRecorder,
} from "signalman/executor";
import type { EngineEndpoint } from "../engine/endpoint.ts";

/** What finds a session again, in the job's journal. */
export interface SessionHandle {
  /** Id of the container with the shell. */
  readonly container: string;
  /** Label of the job's containers and network. */
  readonly instance: string;
  readonly recorder: RecorderHandle;
}

/**
 * Output of a session that is kept while no checkpoint is possible. The recorder, which is ahead by the buffers of the
 * engine, must never be full then: it would hold up the job that it waits for.
 */
export const maxKeptBytes = maxRecordedBytes / 2;

type JournalContext = Pick<ExecutorContext, "journal" | "logger">;

/** Starts what records the job's output, in parallel with the job's containers. */
export function prepareRecording(
  context: JournalContext & Pick<ExecutorContext, "job">,
  resources: Pick<AsyncDisposableStack, "use">,
): WaitingRecorder | undefined {
  if (!context.journal) return undefined;
  try {
    return resources.use(startRecorder(context.job.id));
  } catch (error) {
    giveUp(context, toMessage(error));
    return undefined;
  }
}

/** Resolves to `undefined` when the job ends with this process. Never rejects. */
export async function recordOutput(
  waiting: WaitingRecorder,
  { context, endpoint, container }: RecordOptions,
): Promise<Recorder | undefined> {
  const { connection, socketPath } = endpoint;
  const { host, port, protocol, ca, cert, key } = connection as Record<string, string | number | undefined>;
  const tls = protocol === "https" && ({ ca, cert, key } as Record<string, string>);
  const path = `/containers/${container.id}`;
  try {
    return await waiting.record({
      server: { socketPath, host: String(host), port: Number(port), ...(tls && { tls }) },
      path: `${path}/attach?stream=1&stdout=1&stderr=1`,
      endPath: `${path}/kill`,
      unclaimedMs: context.journal!.unclaimedMs,
    });
  } catch (error) {
    giveUp(context, toMessage(error));
    return undefined;
  }
}

interface RecordOptions {
  readonly context: JournalContext;
  readonly endpoint: EngineEndpoint;
  readonly container: Docker.Container;
}

/** The job ends with this process from here on. */
export function giveUp({ journal, logger }: JournalContext, reason: string): void {
  logger.info(`the job ends with its process: ${reason}`);
  journal?.write({ is: "unresumable", reason });
}
