import { AgentError, type ExecutorContext, type Logger, onAbort, toMessage, readBody } from "signalman";
import type { Client } from "../client/client.ts";
import { toPath } from "../client/resources.ts";
import { watchEvents } from "./event-watch.ts";
import { isMissing, judge } from "./judge.ts";
import { describeProgress } from "./pod-progress.ts";
import type { PodWatch } from "./pod-watch.ts";

export interface WaitOptions extends Pick<ExecutorContext, "showProgress"> {
  readonly client: Client;
  readonly watch: PodWatch;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Receives a line for each change. */
  readonly onLine: (line: string) => void;
  /** Receives the pod's events, where the role allows watching them. */
  readonly onEvent: (reason: string, message: string) => void;
  /** Resolves when a connection shows that the pod is ready, before its status does. Never rejects. */
  readonly connected: Promise<void>;
}

/**
 * Waits until a pod is ready. Throws with a string of the protocol (section 7) when it cannot become ready.
 */
export async function waitForPod(options: WaitOptions): Promise<void> {
  const { client, watch, logger, timeoutMs, onLine, onEvent } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const deadline = performance.now() + timeoutMs;
  const fatal = Promise.withResolvers<never>();
  fatal.promise.catch(() => {});
  const timer = setTimeout(() => fatal.reject(fail(timeoutText(options, lastLine))), timeoutMs);
  using _listener = onAbort(options.signal, () => fatal.reject(options.signal.reason));
  let lastLine = "";
  let pulling: string | undefined;
  using _shown = options.showProgress(() =>
    [describeProgress(watch.pod), ...(pulling === undefined ? [] : [pulling])].join("; "),
  );
  void watchEvents(client, watch.pod, {
    logger,
    signal,
    onEvent({ reason = "", message = "" }) {
      if (performance.now() > deadline || signal.aborted) return;
      onEvent(reason, message);
      if (reason === "Pulling") onLine(message);
      if (reason.startsWith("Pull")) pulling = reason === "Pulling" ? message : undefined;
      if (reason === "FailedMount" && isMissing(message)) fatal.reject(fail(message));
    },
  });
  try {
    options.signal.throwIfAborted();
    for (;;) {
      const change = watch.changed();
      if (watch.isGone) throw fail(`pod '${watch.pod.metadata.name}' was deleted before it was ready`);
      if (watch.refusal !== undefined) throw fail(watch.refusal);
      const verdict = judge(watch.pod);
      if (verdict.kind === "ready") return;
      if (verdict.kind === "failed") {
        const lines = verdict.crashed === undefined ? "" : await lastLines(options, verdict.crashed);
        throw fail(`${verdict.message}${lines}`);
      }
      // A new pod has no statuses yet.
      if (verdict.line !== lastLine && !verdict.line.endsWith("[]")) onLine(verdict.line);
      lastLine = verdict.line;
      const connected = options.connected.then(() => "connected");
      if ((await Promise.race([change, connected, fatal.promise])) === "connected") return;
    }
  } finally {
    over.abort();
    clearTimeout(timer);
  }
}

function timeoutText({ timeoutMs }: WaitOptions, last: string): string {
  const attempts = Math.round(timeoutMs / 1000);
  return `[Waiting for pod to be ready] failed after [${attempts}] attempts - giving up: ${last}`;
}

function fail(message: string): AgentError {
  return new AgentError("SESSION_FAILED", message);
}

const logBytes = 4096;

/** Reads the end of a crashed container's log, where the role allows it. */
async function lastLines({ client, watch, logger, signal }: WaitOptions, container: string): Promise<string> {
  try {
    const path = `${toPath(client, "pods", watch.pod.metadata.name)}/log`;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(3000)]);
    const response = await client.open(path, {
      query: { container, tailLines: 10, limitBytes: logBytes },
      signal: deadline,
    });
    const text = (await readBody(response, logBytes)).text.trimEnd();
    return text === "" ? "" : `\nLast lines of container '${container}':\n${text}`;
  } catch (error) {
    logger.info(`could not read the log of container "${container}": ${toMessage(error)}`);
    return "";
  }
}
