import { rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "../../../../src/testing/index.ts";

export interface Rounds {
  readonly seed: number;
  readonly rounds: number;
  /** The command that the rounds run as another user with. Default: none. */
  readonly as?: readonly string[];
}

/**
 * Runs rounds of the fuzzer in a process of their own, and ends it when a round takes longer than a minute.
 * Resolves to what went wrong, and to the number of rounds that began.
 */
export async function runRounds({
  seed,
  rounds,
  as = [],
}: Rounds): Promise<{ fault: string; begun: number }> {
  await using place = await tmpdir();
  if (as.length > 0) await Bun.$`chmod 1777 ${place.path}`.quiet();
  const script = join(import.meta.dir, "run-rounds.ts");
  const area = join(place.path, "area");
  const child = Bun.spawn(
    [
      ...as,
      "sh",
      "-c",
      'mkdir -m 700 "$2" && exec "$0" "$@"',
      process.execPath,
      script,
      area,
      `${seed}`,
      "0",
      `${rounds}`,
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  let begun = 0;
  let hung = "";
  let timer: NodeJS.Timeout | undefined;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hung = `round ${begun - 1} of seed ${seed} took longer than a minute\n`;
      child.kill("SIGKILL");
    }, 60_000);
  };
  watch();
  const errors = new Response(child.stderr).text();
  for await (const bytes of child.stdout as unknown as AsyncIterable<Uint8Array>) {
    begun += Buffer.from(bytes).toString().split("\n").length - 1;
    watch();
  }
  const exitCode = await child.exited;
  clearTimeout(timer);
  const text = await errors;
  // Directories that are closed to every user.
  await Bun.$`chmod -R u+rwX ${place.path}`.quiet().nothrow();
  rmSync(area, { recursive: true, force: true });
  const fault = exitCode === 0 && begun === rounds ? "" : `exit status ${exitCode}: ${text}`;
  return { fault: hung + fault, begun };
}
