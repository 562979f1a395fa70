import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, toMessage } from "signalman";
import { capture } from "../client/exec.ts";
import type { Client } from "../client/client.ts";
import script from "./own.sh" with { type: "text" };

export interface OwnOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  /** Number of the job's process. */
  readonly owner: number;
  /** Milliseconds to retry while the pod does not answer. */
  readonly retryMs: number;
  /** Resolves to why the pod has ended; to `undefined` while it runs. */
  readonly findPodEnd: () => Promise<string | undefined>;
  readonly signal: AbortSignal;
}

/**
 * Takes a session in a pod over from an earlier process of its job, of which no further step is executed. Resolves
 * to the number of the first step that was not executed, or to `fenced` when a later process owns the session.
 */
export async function takeOwnership(options: OwnOptions): Promise<number | "fenced"> {
  const { client, pod, container, owner, findPodEnd, signal } = options;
  const until = performance.now() + options.retryMs;
  for (let failure = ""; ; await sleep(retryPauseMs, undefined, { signal })) {
    const ended = await findPodEnd();
    if (ended !== undefined) throw new AgentError("SESSION_FAILED", ended);
    try {
      const command = ["bash", "-c", script, "signalman-own", String(owner)];
      const { stdout } = await capture(client, { pod, container, command, signal });
      const [, found = "", next = ""] = /^(\d+) (\d+)\n$/.exec(stdout) ?? [];
      if (Number(found) > owner) return "fenced";
      if (Number(found) === owner) return Number(next);
      failure = "the session's supervisor does not answer";
    } catch (error) {
      signal.throwIfAborted();
      failure = toMessage(error);
    }
    if (performance.now() > until)
      throw new AgentError("SESSION_FAILED", `the session in pod "${pod}" cannot be continued: ${failure}`);
  }
}

const retryPauseMs = 300;
