import { join } from "node:path";
import type { ExecutorContext } from "signalman";
import type { SideShell } from "signalman/executor";
import type { Client } from "../client/client.ts";
import type { KubernetesSettings } from "../settings.ts";
import type { Link } from "./link.ts";
import { type PodFiles, sessionDirectory } from "./pod-files.ts";
import { toStep } from "./steps.ts";
import { openPlainTerminal } from "./terminals.ts";

export interface SideShellOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  readonly link: Link;
  readonly files: PodFiles;
  readonly number: number;
  readonly context: Pick<ExecutorContext, "directory">;
  readonly settings: Pick<KubernetesSettings, "podStartTimeoutMs">;
}

/** Returns where a shell beside the job's opens: in an exec of the same container, which ends with its connection. */
export function createSideShell(options: SideShellOptions): SideShell {
  const { client, pod, container, link, files, number, context, settings } = options;
  let command: string | undefined;
  const drop = () => {
    if (command !== undefined) files.drop(command);
    command = undefined;
  };
  return {
    open: (terminal) => openPlainTerminal(client, { pod, container }, { ...terminal, onBroken: () => {} }),
    async putCommand(text) {
      drop();
      command = await files.putBeside(`side-${number}`, `${text}\n`);
      return command;
    },
    answers: sessionDirectory,
    overflow: join(context.directory, `overflow-${number}`),
    startTimeoutMs: settings.podStartTimeoutMs,
    end(session) {
      // The container's runtime keeps an exec running when its connection is closed.
      if (session?.alive) link.send(toStep("end_side", session.shellPid));
      drop();
    },
  };
}
