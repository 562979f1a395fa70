import path from "node:path";
import { run } from "../support/cluster/command.ts";

export interface ReleaseRequest {
  readonly checkout: string;
  readonly version: string;
  readonly outdir: string;
  /** Parts, as `--only` names them. */
  readonly only: string;
  /** File of the private key. Left out: the release is not signed. */
  readonly key?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Makes a release as a person does, and returns what the command printed. */
export function makeRelease({ checkout, version, outdir, only, key, env }: ReleaseRequest): Promise<string> {
  return run(["npm", "run", "--silent", "release", "--", version, "--only", only, "--outdir", outdir], {
    cwd: checkout,
    env: { SIGNALMAN_SIGNING_KEY: key ?? "", SIGNALMAN_NEXT_PUBLIC_KEY: "", ...env },
    timeoutMs: 10 * 60_000,
  });
}

/** Makes a key for signatures, and returns the file of the private key. */
export async function makeKey(directory: string, name = "key"): Promise<string> {
  const file = path.join(directory, name);
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file]);
  return file;
}
