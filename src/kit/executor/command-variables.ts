import type { VariableScope } from "../../core/contracts/executor.ts";
import type { DecodedVariable } from "../session/environment.ts";
import type { Session } from "../session/session.ts";
import { exportForCommandScript, exportScript, restoreScript } from "../session/variable-script.ts";

/** The variables that plugins set in a session, and those among them that the end of a command restores. */
export interface CommandVariables {
  /** Whether the command has run whose variables are still set. */
  readonly isOver: boolean;
  /** Exports variables; resolves to the exit code. */
  export(session: Session, variables: readonly DecodedVariable[], scope: VariableScope): Promise<number>;
  /** The command for which variables were set begins. */
  commandBegins(): void;
  /** Restores the variables of a command that has run. Called before anything else is done in the session. */
  restore(session: Session): Promise<void>;
}

/**
 * Variables are restored with the next action in the session, together with what that exports: nothing can see them
 * in between, and most commands cost one call of the shell.
 */
export function createCommandVariables(isContinued = false): CommandVariables {
  let state: "none" | "set" | "over" = isContinued ? "over" : "none";
  const takeRestore = (): string => {
    if (state !== "over") return "";
    state = "none";
    return restoreScript;
  };
  return {
    get isOver() {
      return state === "over";
    },
    async export(session, variables, scope) {
      const restore = takeRestore();
      if (scope === "command") state = "set";
      const script = scope === "command" ? exportForCommandScript(variables) : exportScript(variables);
      return session.runParked(restore + script);
    },
    commandBegins() {
      if (state === "set") state = "over";
    },
    async restore(session) {
      const script = takeRestore();
      if (script !== "") await session.runParked(script);
    },
  };
}
