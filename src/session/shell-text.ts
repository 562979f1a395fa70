/**
 * The shell text of the session protocol. What the job does to its shell must not break it: names are taken as builtins past aliases
 * (`\builtin`), markers go to `/dev/tty` past whatever became of the standard streams, and no part of it can fail under `set -e` or
 * leave a line in the trace of `set -x`.
 */
import { quote } from "./environment.ts";
import { printMarker } from "./markers.ts";

/** The shell's own streams, put aside between two commands: descriptor numbers, or `-` for a closed one. */
export interface ParkedStreams {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  /** `$-`: options that were on. */
  readonly flags: string;
  /** The shell's pid, where it runs. */
  readonly pid: number;
}

/** `{ print marker; }` with its trace, if any, thrown away. */
const tell = (...marker: Parameters<typeof printMarker>) =>
  `{ \\builtin ${printMarker(...marker)} >/dev/tty; } 2>/dev/null`;

/**
 * The command that leads the terminal: a holder around the login bash. When a session's leader exits, the kernel throws away what nobody
 * has read yet; so the leader is not bash, but a shell that says how bash ended and then stands still until it is killed.
 */
export function holderCommand(nonce: string, size: { rows: number; columns: number }): string[] {
  const script = [
    // Half the bytes of a line end are saved where nobody needs them: `\r\n` is `\n` in the log anyway (protocol section 5.2).
    `stty -echo -onlcr rows ${size.rows} cols ${size.columns}`,
    // The holder's own words ("Killed") are no output.
    "exec 3>&2 2>/dev/null",
    "(exec bash --login 2>&3 3>&-)",
    "code=$?",
    "trap '' HUP INT QUIT TERM TSTP TTIN TTOU",
    `${printMarker(nonce, "X", ['"$code"'])} >/dev/tty`,
    "kill -STOP $$",
  ];
  return ["sh", "-c", script.join("\n")];
}

/**
 * The first line: no prompts, no history, and no line editing, which costs more than the rest of the protocol and changes the terminal's
 * settings for each line. It is turned off only here, so that the login profile may configure it.
 */
export function bootLine(nonce: string): string {
  return toLine(
    "\\builtin export PS1=''",
    "\\builtin unset PROMPT_COMMAND",
    "\\builtin set +o history +o emacs",
    "\\builtin set +o vi",
    // A program that leaves the terminal raw with VMIN 0 makes each read an end of file, until the session has mended that. On a
    // terminal that is dead, so many are gone within a second.
    "IGNOREEOF=20000",
    "\\builtin cd ~",
    park(nonce),
  );
}

/** Runs a file in the session: start marker, the job's own streams and options back, source, end marker. */
export function commandLine(nonce: string, path: string, streams: ParkedStreams): string {
  const { stdin, stdout, stderr } = streams;
  const close = [stdin, stdout, stderr].filter((fd) => fd !== "-").map((fd) => `${fd}>&-`);
  const atPrompt = `${tell(nonce, "P", ['"$?"'])}`;
  return toLine(
    `\\builtin printf -v PROMPT_COMMAND %s ${quote(atPrompt)}`,
    tell(nonce, "S"),
    ["\\exec", `<&${stdin}`, `>&${stdout}`, `2>&${stderr}`, ...close].join(" "),
    ...(streams.flags.includes("x") ? ["\\builtin set -x"] : []),
    `\\builtin source ${quote(path)}`,
    park(nonce),
  );
}

/** The end of a command that was thrown back to the prompt (by an interrupt) before its end could be told. */
export function recoveryLine(nonce: string): string {
  return toLine(park(nonce));
}

/** What the streams are when `fields` of an end marker say it. */
export function toParkedStreams(fields: readonly string[]): ParkedStreams {
  const [, flags = "", stdin = "-", stdout = "-", stderr = "-", pid = ""] = fields;
  return { flags, stdin, stdout, stderr, pid: Number(pid) };
}

/**
 * Keeps the exit code, puts the job's streams aside and gives the shell others, then says so. From here to the next command the shell's
 * noise (prompts, job notices, traps) goes nowhere, and what still comes is output of background processes.
 */
function park(nonce: string): string {
  return [
    "{ AGENT_CMD_RESULT=$? __signalman=$-; \\builtin set +x; } >/dev/null 2>&1",
    ...(["stderr 2>", "stdout >", "stdin <"] as const).map(parkOne),
    tell(nonce, "E", [
      '"$AGENT_CMD_RESULT"',
      '"$__signalman"',
      '"$__signalman_stdin"',
      '"$__signalman_stdout"',
      '"$__signalman_stderr"',
      '"$$"',
    ]),
  ].join("; ");
}

/** Standard error first, so that the shell's complaint about a closed stream is not seen. */
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
