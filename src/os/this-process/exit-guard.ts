/** An exit of this process that the program did not request. */
export interface UnexpectedExit {
  /** The cause, as `process.exit(0)`. */
  readonly cause: string;
  /** An error with the stack of the call, if there was one. */
  readonly call: Error | undefined;
  /** `process.exitCode` before. */
  readonly status: number;
}

let isRequested = false;

/** Lets any code end this process from here on. */
export function allowExit(): void {
  isRequested = true;
}

/** Ends this process for the program: an exit guard does not interfere. */
export function exitProgram(status?: number): never {
  isRequested = true;
  process.exit(status);
}

/**
 * Detects that code of a plugin ends this process, by `process.exit` or because the event loop is empty.
 * `onExit` cannot prevent the end; it returns the exit status.
 */
export function guardExit(onExit: (exit: UnexpectedExit) => number): void {
  const { exit } = process;
  let call: Error | undefined;
  let cause = "nothing was left to wait for";
  let status: number | undefined;
  process.exit = (code) => {
    if (!isRequested && call === undefined) {
      call = new Error("process.exit was called");
      cause = `process.exit(${code ?? ""})`;
      status = toStatus();
    }
    return exit(code);
  };
  process.on("exit", () => {
    if (!isRequested) process.exitCode = onExit({ cause, call, status: status ?? toStatus() });
  });
}

const toStatus = () => Number(process.exitCode ?? 0);
