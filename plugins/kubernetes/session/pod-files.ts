import { setTimeout as sleep } from "node:timers/promises";
import { AgentError } from "signalman";
import { capture } from "../client/capture.ts";
import type { Client } from "../client/client.ts";
import type { Link } from "./link.ts";
import { fitsStep, toStep } from "./steps.ts";
import upload from "./upload.sh" with { type: "text" };

/** Where the session keeps its files in the pod. */
export const sessionDirectory = "/signalman/session";

/** Puts files into the session's directory, which only the job's user reads. */
export interface PodFiles {
  /** Resolves to the file's path. What is typed after it finds it there. */
  put(prefix: string, content: string | Uint8Array): Promise<string>;
}

/** Attempts of one upload; a connection may break in each. */
const attempts = 20;

export function createPodFiles(options: {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  readonly link: Link;
  readonly signal: AbortSignal;
}): PodFiles {
  const { client, link, signal, pod, container } = options;
  let count = 0;

  async function send(name: string, input: Uint8Array): Promise<void> {
    let why = "";
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      signal.throwIfAborted();
      const command = ["bash", "-c", upload, "signalman-upload", name, String(input.length)];
      const { end } = await capture(client, { pod, container, command, input, signal });
      if (end.kind === "exited" && end.code === 0) return;
      why = end.kind === "exited" ? `exit code ${end.code}` : end.message;
      await sleep(Math.min(2000, 50 * 1.5 ** attempt), undefined, { signal });
    }
    throw new AgentError(
      "SESSION_FAILED",
      `${input.length} bytes could not be sent to the pod "${pod}": ${why}`,
    );
  }

  return {
    async put(prefix, content) {
      count += 1;
      const name = `${prefix}-${count}`;
      if (typeof content === "string" && fitsStep(content)) link.send(toStep("put", name, content));
      else await send(name, Buffer.from(content));
      return `${sessionDirectory}/${name}`;
    },
  };
}
