import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "../support/cluster/command.ts";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Downloads packages of a release of Debian, named as `musl:amd64`, into a directory, without any change to the
 * host's lists. Returns the files. Throws with the output of apt-get when one cannot be downloaded.
 */
export async function downloadPackages(
  directory: string,
  suite: string,
  packages: readonly string[],
): Promise<string[]> {
  const at = (name: string) => path.join(directory, name);
  for (const name of ["lists/partial", "cache", "packages"]) await mkdir(at(name), { recursive: true });
  await writeFile(
    at("sources.list"),
    `deb [arch=amd64,arm64 signed-by=${keyring}] ${await findMirror()} ${suite} main\n`,
  );
  const settings = {
    "Dir::State::Lists": at("lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": at("cache"),
    "Dir::Etc::SourceList": at("sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "APT::Sandbox::User": "root",
  };
  const options = [
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    "APT::Architectures::=amd64",
    "APT::Architectures::=arm64",
  ].flatMap((option) => ["-o", option]);
  const apt = (...words: string[]) =>
    run(["apt-get", "--quiet", ...options, ...words], { cwd: at("packages"), timeoutMs: 5 * 60_000 });
  await apt("update", "--error-on=any");
  await apt("download", ...packages);
  return (await readdir(at("packages"))).map((name) => path.join(at("packages"), name));
}

/** Returns the mirror from which this host has its own packages. */
async function findMirror(): Promise<string> {
  const targets = await run([
    "apt-get",
    "indextargets",
    "--format",
    "$(REPO_URI)",
    "Created-By: Packages",
    "Component: main",
    "Label: Debian",
  ]);
  const [mirror] = targets.split("\n");
  if (!mirror)
    throw new Error("no mirror of Debian: apt-get update has never run, or the sources of APT have none");
  return mirror;
}

/** Unpacks packages into a directory, without their scripts. */
export async function unpackPackages(files: readonly string[], root: string): Promise<void> {
  for (const file of files) await run(["dpkg-deb", "--extract", file, root]);
}
