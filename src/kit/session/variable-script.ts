/**
 * Shell text that sets the variables of plugins between two commands of a job. It runs with parked streams, so that
 * neither its errors nor its trace are shown, and reports by `/dev/tty`.
 */
import { isUtf8 } from "node:buffer";
import { type DecodedVariable, quote } from "./environment.ts";

/** The shell's variable with the text that restores what variables of a command have replaced. */
const restoreVariable = "__signalman_restore";

/** Returns text that exports the variables, past functions and aliases of the job. */
export function exportScript(variables: readonly DecodedVariable[]): string {
  return variables.map(exportOne).join("");
}

/** Returns text that exports the variables after it has noted what they were, for {@link restoreScript}. */
export function exportForCommandScript(variables: readonly DecodedVariable[]): string {
  const notes = variables.map(({ name }) => noteOne(name)).join("");
  return `${notes}\\builtin export -n ${restoreVariable}\n${exportScript(variables)}`;
}

/** Text that makes the noted variables what they were: unset, or with their values and attributes. */
export const restoreScript = [
  `\\builtin eval "\${${restoreVariable}-}"`,
  `\\builtin unset -v ${restoreVariable}`,
  "",
].join("\n");

function exportOne({ name, value }: DecodedVariable): string {
  const refusal = `[signalman: a plugin cannot set ${name}, which the job has made read-only]`;
  // Without its attributes: an array would not be exported, and an integer would be calculated.
  const set = `\\builtin unset -v ${name}; \\builtin export ${name}=${toWord(value)}`;
  return `${set} || \\builtin echo ${quote(refusal)} >/dev/tty\n`;
}

/** The last variable is restored first: one that was set twice gets its first value back. */
function noteOne(name: string): string {
  return [
    `__signalman=$(\\builtin declare -p ${name}) || __signalman=`,
    // Behind \builtin, bash reads no array.
    `case $__signalman in ''|declare\\ -*[aA]*\\ ${name}=*) ;; *) __signalman="\\\\builtin $__signalman";; esac`,
    `${restoreVariable}="\\\\builtin unset -v ${name}`,
    `$__signalman`,
    `\${${restoreVariable}-}"`,
    "",
  ].join("\n");
}

function toWord(value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (isUtf8(bytes)) return quote(bytes.toString());
  return `$'${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}'`;
}
