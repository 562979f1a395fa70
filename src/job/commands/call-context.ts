import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { JobUser } from "../../core/contracts/executor-options.ts";
import type { JobCommandContext, JobCommandEnd } from "../../core/contracts/job-command.ts";
import type { JobVariables } from "../job-variables.ts";

/** What all calls of a job share. */
export interface JobCallFacts extends Pick<JobCommandContext, "job" | "slot" | "home"> {
  readonly user: JobUser | undefined;
  /** The job's private directory. */
  readonly jobDirectory: string;
  readonly variables: JobVariables;
  /** Adds text to the job's log. */
  readonly write: (text: string) => void;
}

/** The context of one call. */
export interface CallContext {
  readonly context: JobCommandContext;
  /** Ends the effect of the context, and aborts its signal when there is a reason. */
  end(reason?: JobCommandEnd): void;
}

/** Most calls end at once, so that signal and directory are created only when they are read. */
export function createCallContext(facts: JobCallFacts, command: string): CallContext {
  let abort: AbortController | undefined;
  const setter = facts.variables.openSetter(`the call of "${command}"`);
  let isOver = false;
  const { job, slot, user, home } = facts;
  return {
    context: {
      job,
      slot,
      ...(user && { user }),
      home,
      get signal() {
        return (abort ??= new AbortController()).signal;
      },
      get directory() {
        const directory = join(facts.jobDirectory, "commands");
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        return directory;
      },
      setVariable: setter.setVariable,
      log: {
        write(text) {
          // A plugin may be plain JavaScript.
          if (!isOver) facts.write(String(text));
        },
      },
    },
    end(reason) {
      isOver = true;
      setter[Symbol.dispose]();
      if (reason === undefined) return;
      abort ??= new AbortController();
      abort.abort(reason);
    },
  };
}
