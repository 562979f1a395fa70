import { type Check, type Finding, readOutput } from "signalman";

const oldest = [4, 1] as const;
const maxBytes = 4096;

/** Checks that PATH has a bash that can run jobs. */
export const checkBash: Check["run"] = async ({ env, signal }) => {
  const remedy = `install bash ${oldest.join(".")} or newer in a directory of PATH (${env["PATH"] ?? "not set"})`;
  const path = findBash(env);
  if (path === null) return [{ level: "error", title: "bash not found", remedy }];
  const program = Bun.spawn([path, "--norc", "--noprofile", "-c", 'echo "$BASH_VERSION"'], {
    stdin: "ignore",
    stderr: "pipe",
    signal,
    killSignal: "SIGKILL",
  });
  const [version, errors] = await Promise.all([
    readOutput(program.stdout, maxBytes),
    readOutput(program.stderr, maxBytes),
    program.exited,
  ]);
  return [judge(path, version.text.trim(), errors.text.trim(), remedy)];
};

export function findBash(env: Readonly<Record<string, string | undefined>>): string | null {
  return Bun.which("bash", { PATH: env["PATH"] ?? "" });
}

function judge(path: string, version: string, errors: string, remedy: string): Finding {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) {
    return {
      level: "error",
      title: `"${path}" is not a working bash`,
      ...(errors !== "" && { detail: errors }),
      remedy,
    };
  }
  const [oldestMajor, oldestMinor] = oldest;
  const isOld = Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor);
  return isOld
    ? { level: "error", title: `"${path}" is bash ${version}, which is too old for jobs`, remedy }
    : { level: "ok", title: `bash ${version}: "${path}"` };
}
