import { onAbort, untilAborted } from "../../core/aborted.ts";
import type { Output } from "../../core/contracts/job-log.ts";
import type { SideSession, SideSessionOptions } from "../../core/contracts/side-session.ts";
import { AgentError } from "../../core/errors.ts";
import { waitAtMost } from "../../core/host/deadline.ts";
import { adoptText } from "../session/adopt-text.ts";
import type { DecodedVariable } from "../session/environment.ts";
import type { OpenJob } from "./job-life.ts";
import { createSession, type Session, type SessionOptions } from "../session/session.ts";
import type { SideTerminal } from "../session/terminal.ts";

/** Where a shell beside the running one opens; `end` is called once. */
export interface SideShell extends Omit<SessionOptions<SideTerminal>, "size"> {
  /**
   * Ends the shell before its terminal is closed, so that a script does not continue, and removes what was
   * stored for it. `session` is missing when it did not open.
   */
  end(session: Session<SideTerminal> | undefined): Promise<void> | void;
}

/** The sessions beside a job's running one. */
export interface SideSessions {
  open(options: SideSessionOptions): Promise<SideSession>;
  /** The agent has exported these variables to the running session. */
  exported(variables: readonly DecodedVariable[]): void;
  /** Ends all of them, also those that are being opened; later ones are refused. Never rejects. */
  close(): Promise<void>;
}

/** Maximum number of sessions that are open at once. */
const maxSessions = 4;
/** Milliseconds for which a stop waits for their ends. */
const closeMs = 2000;

/** `findJob` returns the job while it runs. */
export function createSideSessions<Job extends OpenJob>(
  parts: { beside?(job: Job, number: number): SideShell },
  findJob: () => Job | undefined,
): SideSessions {
  /** By name: the later value counts. */
  const variables = new Map<string, DecodedVariable>();
  /** The ends of the open sessions. */
  const open = new Set<() => Promise<void>>();
  let number = 0;
  let closed: Promise<unknown> | undefined;

  return {
    async open(options) {
      const job = findJob();
      if (!job?.session.alive || closed || options.signal.aborted) throw createClosedError();
      if (open.size >= maxSessions)
        throw new AgentError("SESSION_FAILED", `the job has ${maxSessions} further sessions already`);
      const ending = new AbortController();
      const opened = Promise.withResolvers<void>();
      let session: Session<SideTerminal> | undefined;
      let finished: Promise<void> | undefined;
      number += 1;
      const shell = parts.beside!(job, number);
      const finish = async () => {
        ending.abort(createClosedError());
        listener[Symbol.dispose]();
        await opened.promise;
        try {
          await shell.end(session);
        } catch {
          // Closing its terminal ends the shell as well.
        }
        await session?.[Symbol.asyncDispose]();
      };
      const end = () => (finished ??= finish().finally(() => open.delete(end)));
      open.add(end);
      const listener = onAbort(options.signal, () => void end());
      try {
        const { rows, columns } = options.terminal ?? { rows: 0, columns: 0 };
        session = await createSession({ ...shell, size: { rows, columns } }, ending.signal);
        const text = adoptText(job.session.shellPid, [...variables.values()]);
        await adopt(session, text, ending.signal);
        if (options.terminal) await startInteractive(session, { shell, ...options.terminal, end });
      } catch (error) {
        opened.resolve();
        await end();
        throw error;
      }
      opened.resolve();
      void session.ended.then(end);
      return toSideSession(session, { options, isEnded: () => finished !== undefined, end });
    },
    exported: (added) => added.forEach((variable) => variables.set(variable.name, variable)),
    async close() {
      closed ??= waitAtMost(Promise.all([...open].map((end) => end())), closeMs);
      await closed;
    },
  };
}

/** Gives the shell the variables and the directory of the running one. */
async function adopt(session: Session<SideTerminal>, text: string, signal: AbortSignal): Promise<void> {
  const code = await untilAborted(
    signal,
    session.run(text, () => {}, { silent: true }),
  );
  signal.throwIfAborted();
  if (code !== 0)
    throw new AgentError("SESSION_FAILED", "the shell of a further session exited before it was ready");
}

/** Resolves when the shell's command is typed, so that input follows it. */
async function startInteractive(
  session: Session<SideTerminal>,
  options: {
    readonly shell: SideShell;
    readonly onData: (bytes: Uint8Array) => void;
    readonly end: () => Promise<void>;
  },
): Promise<void> {
  const { shell, onData, end } = options;
  const path = await shell.putCommand(interactiveText);
  const output: Output = (chunk) => onData(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  void session.run(interactiveText, output, { putCommand: () => path }).then(end, end);
  await new Promise(setImmediate);
}

function createClosedError(): AgentError {
  return new AgentError("SESSION_FAILED", "the job's session is not open");
}

interface SideOptions {
  readonly options: SideSessionOptions;
  readonly isEnded: () => boolean;
  readonly end: () => Promise<void>;
}

function toSideSession(
  session: Session<SideTerminal>,
  { options: { terminal }, isEnded, end }: SideOptions,
): SideSession {
  return {
    ended: session.ended,
    async run(directive, output) {
      if (terminal || isEnded()) return 1;
      try {
        return await session.run(directive, output);
      } catch (error) {
        if (isEnded()) return 1;
        throw error;
      }
    },
    write(input) {
      if (terminal) session.terminal.input(input);
    },
    resize: (size) => session.terminal.resize(size),
    [Symbol.asyncDispose]: end,
  };
}

/** A person expects an echo, a prompt and job control, which the session's own shell has turned off. */
const interactiveText = `\\builtin unset -v PS1 PROMPT_COMMAND
\\command stty echo onlcr
\\command bash -i`;
