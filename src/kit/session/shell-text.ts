/**
 * The shell text of the session protocol. A job may change anything in its shell, so builtins are called past
 * aliases (`\builtin`), markers are written to `/dev/tty` instead of the standard streams, and no part can
 * fail under `set -e` or appear in the trace of `set -x`.
 */
import { quote } from "./environment.ts";
import { type Marker, printMarker } from "./markers.ts";
import { jobAnswersVariable } from "../../job/commands/messages.ts";

/**
 * The shell's variable with the session's nonce, which is read-only and not exported. Nothing that is typed
 * after the first line contains the nonce, so a process that reads the terminal does not learn what ends a
 * command.
 */
const nonceVariable = "__signalman_nonce";
export const nonceWord = `"$${nonceVariable}"`;

/** Exit status of a shell that cannot read its first file. */
export const unreadableStatus = 94;

/** Number of the first line in its end marker; commands count from 1. */
export const bootNumber = 0;

/** The shell's streams, parked between two commands: descriptor numbers, or `-` for a closed stream. */
export interface ParkedStreams {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  /** The enabled options of the shell, as in `$-`. */
  readonly flags: string;
  /** The shell's pid, as seen where it runs. */
  readonly pid: number;
}

/** Returns shell text that prints a marker of a line and discards the trace of `set -x`. */
const reportMarker = (kind: Marker["kind"], line: number, fields: readonly string[] = []) =>
  `{ \\builtin ${printMarker(nonceWord, kind, [String(line), ...fields])} >/dev/tty; } 2>/dev/null`;

export interface HolderOptions {
  readonly nonce: string;
  readonly size: { readonly rows: number; readonly columns: number };
  /** Whether bash is a login shell. It is interactive in either case. */
  readonly login: boolean;
  /** Shell code that runs first. */
  readonly setUp?: readonly string[] | undefined;
}

/**
 * Returns the command that leads the terminal: a holder around bash. When a session's leader exits,
 * the kernel discards unread output. So the leader is not bash but a shell that reports the exit status of
 * bash, then suspends itself until it is killed.
 */
export function holderCommand({ nonce, size, login, setUp = [] }: HolderOptions): string[] {
  const script = [
    ...setUp,
    // A SIGTERM to all processes of a container must not end the holder. Its children get the default action again.
    "trap : TERM",
    // Saves a byte per line: the log converts `\r\n` to `\n` anyway (protocol section 5.2).
    `stty -echo -onlcr rows ${size.rows} cols ${size.columns}`,
    // The holder's own messages ("Killed") are not output of the job.
    "exec 3>&2 2>/dev/null",
    `(exec bash${login ? " --login" : ""} 2>&3 3>&-)`,
    "code=$?",
    "trap '' HUP INT QUIT TERM TSTP TTIN TTOU",
    `${printMarker(nonce, "X", ['"$code"'])} >/dev/tty`,
    "kill -STOP $$",
    // The first process of a container cannot be suspended. It reads from a new terminal that nothing opens, which
    // blocks.
    "read -r line </dev/ptmx",
  ];
  return ["sh", "-c", script.join("\n")];
}

/** Returns shell text that gives the shell the session's nonce. */
export function nonceText(nonce: string): string {
  return `\\builtin readonly ${nonceVariable}=${nonce}; \\builtin export -n ${nonceVariable}`;
}

/** Returns shell text that sources the session's secret. Without the secret the session would wait forever. */
export function sourceSecret(path: string): string {
  return `\\builtin source ${quote(path)} || \\builtin exit ${unreadableStatus}`;
}

/**
 * Returns the first line, which sets the nonce with `setNonce`, and turns off prompts, history, and line editing; the
 * latter costs more than the rest of the protocol and changes the terminal's settings for each line. It stays on
 * until here, so that the login profile can configure it. `answers`: see `SessionOptions`.
 */
export function bootLine(setNonce: string, answers?: string): string {
  return toLine(
    setNonce,
    ...(answers === undefined ? [] : [`\\builtin export ${jobAnswersVariable}=${quote(answers)}`]),
    "\\builtin export PS1=''",
    "\\builtin unset PROMPT_COMMAND",
    "\\builtin set +o history +o emacs",
    "\\builtin set +o vi",
    // If a program leaves the terminal raw with VMIN 0, each read is an end of file until the session has
    // restored the terminal. On a dead terminal this number is used up within a second.
    "IGNOREEOF=20000",
    "\\builtin cd ~",
    park(bootNumber),
  );
}

/**
 * Returns the line that runs a file: start marker, restored streams and options of the job, `source`, end
 * marker.
 */
export function commandLine(line: number, path: string, streams: ParkedStreams): string {
  const { stdin, stdout, stderr } = streams;
  const close = [stdin, stdout, stderr].filter((fd) => fd !== "-").map((fd) => `${fd}>&-`);
  return toLine(
    reportPrompt(line),
    reportMarker("S", line),
    ["\\exec", `<&${stdin}`, `>&${stdout}`, `2>&${stderr}`, ...close].join(" "),
    ...(streams.flags.includes("x") ? ["\\builtin set -x"] : []),
    `\\builtin source ${quote(path)}`,
    park(line),
  );
}

/** Returns the line that reports the end of a command that an interrupt aborted before its end marker. */
export function recoveryLine(line: number): string {
  return toLine(park(line));
}

/**
 * Returns the line that runs a file of the session's own. The job's streams and trace stay parked, so that nothing
 * of the file is shown, and a failure does not end a shell that has `set -e`.
 */
export function parkedLine(line: number, path: string, streams: ParkedStreams): string {
  return toLine(
    reportPrompt(line),
    reportMarker("S", line),
    // Within a sourced file `set -e` is in force in any case.
    "\\builtin set +e",
    `\\builtin source ${quote(path)}`,
    "__signalman=$?",
    ...reportParked(line, '"$__signalman"', streams),
  );
}

/** Returns the line that reports the end of such a file that was aborted before its end marker. */
export function parkedRecoveryLine(line: number, streams: ParkedStreams): string {
  return toLine(...reportParked(line, "1", streams));
}

/** Returns shell text after which the next prompt reports the exit status of a line without an end marker. */
function reportPrompt(line: number): string {
  return `\\builtin printf -v PROMPT_COMMAND %s ${quote(reportMarker("P", line, ['"$?"']))}`;
}

/** Returns shell text that ends a line that has left the streams parked. */
function reportParked(line: number, code: string, streams: ParkedStreams): string[] {
  const { flags, stdin, stdout, stderr } = streams;
  const marker = reportMarker("E", line, [code, quote(flags), stdin, stdout, stderr, '"$$"']);
  return [...(flags.includes("e") ? ["\\builtin set -e"] : []), marker];
}

/** Reads the parked streams from the fields of an end marker. */
export function toParkedStreams(fields: readonly string[]): ParkedStreams {
  const [, , flags = "", stdin = "-", stdout = "-", stderr = "-", pid = ""] = fields;
  return { flags, stdin, stdout, stderr, pid: Number(pid) };
}

/**
 * Returns shell text that stores the exit code, parks the job's streams and prints the end marker. Until the
 * next command, output of the shell itself (prompts, job notices, traps) is discarded, and all remaining
 * output is that of background processes.
 */
function park(line: number): string {
  return [
    "{ AGENT_CMD_RESULT=$? __signalman=$-; \\builtin set +x; } >/dev/null 2>&1",
    ...(["stderr 2>", "stdout >", "stdin <"] as const).map(parkOne),
    reportMarker("E", line, [
      '"$AGENT_CMD_RESULT"',
      '"$__signalman"',
      '"$__signalman_stdin"',
      '"$__signalman_stdout"',
      '"$__signalman_stderr"',
      '"$$"',
    ]),
  ].join("; ");
}

/** Standard error is parked first, so that the shell's message about a closed stream is not shown. */
function parkOne(stream: "stderr 2>" | "stdout >" | "stdin <"): string {
  const [name = "", operator = ""] = stream.split(" ");
  const variable = `__signalman_${name}`;
  const fd = { stdin: "<&0", stdout: ">&1", stderr: ">&2" }[name];
  const other = `${operator}${name === "stdin" ? "/dev/tty" : "/dev/null"}`;
  return `\\exec {${variable}}${fd} ${other} || { ${variable}=-; \\exec ${other}; }`;
}

function toLine(...parts: string[]): string {
  return ` ${parts.join("; ")}\n`;
}
