/** Runs a command and returns its output. Throws with the output when it fails. */
export async function run(
  words: readonly string[],
  { stdin }: { readonly stdin?: Blob | string } = {},
): Promise<string> {
  const child = Bun.spawn([...words], {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
    stdin: new Blob([stdin ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode !== 0)
    throw new Error(`"${words.join(" ")}" exited with status ${exitCode}: ${`${stdout}${stderr}`.trim()}`);
  return stdout;
}
