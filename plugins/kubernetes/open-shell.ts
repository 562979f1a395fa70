import { join } from "node:path";
import type { ExecutorContext } from "signalman";
import { createSession, type LeftSession, type Session, type SideShell } from "signalman/executor";
import type { Client } from "./client/client.ts";
import { createPodFiles, type PodFiles, sessionDirectory } from "./session/pod-files.ts";
import { createSideShell } from "./session/side-shell.ts";
import { openHeldTerminal, openPlainTerminal } from "./session/terminals.ts";
import type { Link } from "./session/link.ts";
import type { KubernetesSettings } from "./settings.ts";

/** A job's session in its pod. Disposal ends the session, not the pod. */
export interface PodSession extends AsyncDisposable {
  readonly session: Session;
  readonly link: Link;
  readonly files: PodFiles;
  /** Returns where a shell beside the job's opens, in the same container. */
  beside(number: number): SideShell;
  /** Why the session ended before its shell, for the job's log. */
  readonly endReason: string | undefined;
}

/** What finds a session again, in the job's journal. */
export interface SessionHandle {
  /** Uid of the pod: another one may have its name. */
  readonly uid: string;
}

export interface OpenShellOptions {
  readonly client: Client;
  readonly context: ExecutorContext;
  readonly settings: Pick<KubernetesSettings, "podStartTimeoutMs">;
  readonly place: { readonly pod: string; readonly container: string };
  readonly uid: string;
  readonly link: Link;
  /** Whether the pod's supervisor holds the terminal. */
  readonly isHeld: boolean;
  /** The session that an earlier process of the job has opened. */
  readonly left?: LeftSession | undefined;
  /** Releases what was opened before; the session owns it then. */
  readonly cleanup: AsyncDisposableStack;
  readonly signal: AbortSignal;
}

/** Opens the shell over a connection, or continues the one that runs. */
export async function openShell(options: OpenShellOptions): Promise<PodSession> {
  const { client, context, settings, place, uid, link, isHeld, left, cleanup, signal } = options;
  const { journal } = context;
  const closing = new AbortController();
  cleanup.defer(() => closing.abort());
  void link.ended.then(() => closing.abort());
  const owner = journal?.owner ?? 1;
  const files = createPodFiles({ client, ...place, link, isHeld, owner, signal: closing.signal });
  const handle: SessionHandle = { uid };
  // It has read a command's file completely when the next command is written.
  let command = left?.lines.at(-1)?.path;
  let broken: string | undefined;
  const session = await createSession(
    {
      open: (terminal) =>
        isHeld
          ? openHeldTerminal(link, terminal, left !== undefined)
          : openPlainTerminal(client, place, { ...terminal, onBroken: (why) => (broken = why) }),
      async putCommand(text) {
        if (command !== undefined) files.drop(command);
        command = await files.put("command", `${text}\n`);
        return command;
      },
      answers: sessionDirectory,
      overflow: join(context.directory, "overflow"),
      size: context.options.terminalSize,
      startTimeoutMs: settings.podStartTimeoutMs,
      ...(journal && isHeld && { keeping: { journal, handle, left } }),
    },
    signal,
  );
  cleanup.use(session);
  const owned = cleanup.move();
  return {
    session,
    link,
    files,
    beside: (number) => createSideShell({ client, ...place, link, files, number, context, settings }),
    get endReason() {
      return link.reason ?? broken;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The owner of the session, for its connection. */
export function toOwner({ journal }: Pick<ExecutorContext, "journal">) {
  return journal && { owner: journal.owner, onFenced: () => journal.fenced() };
}
