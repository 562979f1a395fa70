/**
 * Removes the two traces of the session's own line from the output: its echo by the terminal (after `stty
 * echo` in the job), and the line in which `set -x` shows that the command's file is sourced.
 */
export interface NoiseFilter {
  /** Announces the next line. `trace` is the path of the sourced file when the job's shell has `set -x`. */
  expect(next: { echo: string; trace: string | undefined }): void;
  between(bytes: Uint8Array, output: (bytes: Uint8Array) => void): void;
  inCommand(bytes: Uint8Array, output: (bytes: Uint8Array) => void): void;
  /** Passes on the bytes that are held back. */
  flush(output: (bytes: Uint8Array) => void): void;
  /** Whether the output of a command passes as it is: nothing is held back or searched. */
  readonly isIdle: boolean;
}

/** A trace is searched only in this many bytes at the beginning of a command's output. */
const traceBytes = 1024;

export function createNoiseFilter(): NoiseFilter {
  let echo: Buffer | undefined;
  let trace: string | undefined;
  let held = Buffer.alloc(0);

  return {
    get isIdle() {
      return trace === undefined && held.length === 0;
    },
    expect(next) {
      echo = Buffer.from(next.echo.trimEnd());
      trace = next.trace;
    },
    between(bytes, output) {
      if (echo === undefined) return output(bytes);
      held = Buffer.concat([held, bytes]);
      for (let at = held.indexOf(echo); at >= 0; at = held.indexOf(echo)) {
        const end: number = at + echo.length;
        const lineEnd = held[end] === 0x0d ? end + 1 : end;
        // The end of the line has not arrived yet.
        if (held.length <= lineEnd) return;
        if (held[lineEnd] === 0x0a) {
          const rest = Buffer.concat([held.subarray(0, at), held.subarray(lineEnd + 1)]);
          echo = undefined;
          held = Buffer.alloc(0);
          if (rest.length > 0) output(rest);
          return;
        }
        // Other output that contains the same text.
        const other = held.subarray(0, end);
        held = Buffer.from(held.subarray(end));
        output(other);
      }
      const keep = echo.length + 2;
      if (held.length <= keep) return;
      const ready = held.subarray(0, held.length - keep);
      held = Buffer.from(held.subarray(held.length - keep));
      output(ready);
    },
    inCommand(bytes, output) {
      if (trace === undefined) return output(bytes);
      held = Buffer.concat([held, bytes]);
      const lineEnd = held.indexOf(0x0a);
      if (lineEnd < 0 && held.length < traceBytes) return;
      const line = held.toString("latin1", 0, Math.max(lineEnd, 0)).trimEnd();
      const isTrace = line.endsWith(trace) || line.endsWith(`'${trace}'`);
      const rest = isTrace ? held.subarray(lineEnd + 1) : held;
      trace = undefined;
      held = Buffer.alloc(0);
      if (rest.length > 0) output(rest);
    },
    flush(output) {
      const bytes = held;
      held = Buffer.alloc(0);
      echo = undefined;
      if (bytes.length > 0) output(bytes);
    },
  };
}
