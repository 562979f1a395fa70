import { readOutput } from "../../os/processes/program-output.ts";

const answerMs = 2000;
const maxBytes = 1024 * 1024;

/**
 * Runs a program of the system and returns its output; `undefined` when it fails or takes longer than two
 * seconds.
 */
export async function askSystem(command: readonly string[]): Promise<string | undefined> {
  try {
    const program = Bun.spawn([...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: answerMs,
      killSignal: "SIGKILL",
    });
    const { text } = await readOutput(program.stdout, maxBytes);
    return (await program.exited) === 0 ? text : undefined;
  } catch {
    return undefined;
  }
}
