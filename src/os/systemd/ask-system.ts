const answerMs = 2000;

/** Runs a program of the system's that answers a question: what it prints, `undefined` when it fails or takes over two seconds. */
export async function askSystem(command: readonly string[]): Promise<string | undefined> {
  try {
    const program = Bun.spawn([...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: answerMs,
      killSignal: "SIGKILL",
    });
    const text = await new Response(program.stdout).text();
    return (await program.exited) === 0 ? text : undefined;
  } catch {
    return undefined;
  }
}
