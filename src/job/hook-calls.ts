import { afterAbort, onAbort } from "../core/aborted.ts";
import type { Host } from "../core/contracts/host.ts";
import type { HookName } from "../core/contracts/hooks.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import type { JobRun } from "./job-run.ts";
import { freshSessionMs } from "./run-in-fresh-session.ts";

export interface HookCallsOptions extends HookTimes {
  readonly host: Pick<Host, "call" | "describe" | "hanging">;
  readonly logger: Logger;
  /** Called when listeners are no longer awaited. `text` names the plugins. */
  readonly onGivenUp: (name: HookName, text: string) => void;
}

/** The calls of a job's hooks, see {@link JobRun}. A hook without listeners costs nothing. */
export type HookCalls = Pick<JobRun, "hears" | "gate" | "notify">;

export function createHookCalls(options: HookCallsOptions): HookCalls {
  const { host, logger } = options;
  // Most jobs have no plugin that listens before and after each command.
  const heard: ReadonlySet<string> = new Set(host.describe().flatMap(({ hooks }) => hooks));

  const gate: JobRun["gate"] = async (name, event) => {
    if (!heard.has(name)) return;
    await waitForHook(host.call(name, event), options, () => {
      const late = host.hanging().filter(({ hook }) => hook === name);
      const plugins = late.map(({ plugin }) => `plugin "${plugin}"`).join(", ") || "a plugin";
      options.onGivenUp(name, `${plugins} had not returned from ${name}`);
    });
  };

  return {
    gate,
    hears: (name) => heard.has(name),
    async notify(name, event) {
      try {
        await gate(name, event);
      } catch (error) {
        // The host logs what listeners throw; anything else must not fail the job either.
        logger.error(toMessage(error));
      }
    },
  };
}

interface HookTimes {
  /** Aborts when the processes of a stopped job are ended, which plugins may delay. */
  readonly ending: AbortSignal;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
  /** Milliseconds from SIGTERM to SIGKILL of a stopped job (`stop-grace-period`). */
  readonly stopGraceMs: number;
}

/**
 * Waits for a hook's listeners as long as the job runs. When the processes of a stopped job are ended, the wait
 * ends with the grace period; a hook that begins later has 30 s more, in which it may run a command in a new
 * session. A kill ends the wait at once.
 */
async function waitForHook(
  work: Promise<void>,
  { ending, killed, stopGraceMs }: HookTimes,
  onGivenUp: () => void,
): Promise<void> {
  const givenUp = Promise.withResolvers<void>();
  const giveUp = () => {
    onGivenUp();
    givenUp.resolve();
  };
  if (killed.aborted) return;
  const extraMs = ending.aborted ? freshSessionMs : 0;
  using _stop = afterAbort(ending, stopGraceMs + extraMs, giveUp);
  using _kill = onAbort(killed, () => givenUp.resolve());
  await Promise.race([work, givenUp.promise]);
}
