import { chmodSync, chownSync, linkSync, renameSync, rmSync, statSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { defineCommand } from "../../core/contracts/command.ts";
import { AgentError } from "../../core/errors.ts";
import { toSize } from "../../core/text/amounts.ts";
import { openStatusLine } from "../output/status-line.ts";
import { print } from "../output/print.ts";
import { findAgents, restartAgent } from "../upgrade/agents.ts";
import { openRelease, compareVersions } from "../upgrade/release.ts";
import { toArchiveName, unpackProgram } from "../upgrade/unpack.ts";
import { runSystem, succeeds } from "../service/system-command.ts";

/** A new version must register within this time. */
const registrationMs = 60_000;

export default defineCommand({
  meta: { name: "upgrade", description: "replace this program by that of a release, and restart its agents" },
  group: "operate",
  examples: [
    {
      line: "signalman upgrade --from https://example.com/signalman/1.2.0",
      purpose: "install a release, restart the agents",
    },
    { line: "signalman upgrade --from /mnt/release --check", purpose: "only verify a release" },
  ],
  args: {
    from: {
      type: "string",
      valueHint: "place",
      completes: "directory",
      required: true,
      description: "URL or directory of the files of a release",
    },
    "allow-older": { type: "boolean", description: "also replace it by an older version" },
    check: { type: "boolean", description: "only verify the release, and print its version" },
  },
  configuration: "none",
  log: "stderr",
  async run({ args, program }) {
    const file = await findOwnFile();
    using statusLine = openStatusLine({ quietMs: 500 });
    statusLine.show(`reading the release at ${args.from}`);
    const release = await openRelease(args.from, readKeys());
    if (args.check) return print(release.version);
    const order = compareVersions(release.version, program.version);
    if (order === 0) return print(`version ${program.version} is installed already`);
    if (order < 0 && args["allow-older"] !== true)
      throw new AgentError(
        "USAGE_INVALID",
        `version ${release.version} is older than ${program.version}: --allow-older installs it nevertheless`,
      );

    const agents = findAgents(file);
    const replaced = await replaceProgram(
      file,
      async (temporary) => {
        const archive = toArchiveName(readTarget());
        let bytes = 0;
        statusLine.show(`downloading and unpacking ${archive}`, { progress: () => toSize(bytes) });
        await unpackProgram(release, archive, temporary, (size) => void (bytes = size));
      },
      release.version,
    );
    print(`"${file}" is version ${release.version}`);
    const units = [...new Set(agents.flatMap(({ unit }) => unit ?? []))];
    for (const unit of units) {
      statusLine.show(`waiting for the agent of ${unit} to register`);
      const fault = await restartAgent(unit, registrationMs);
      if (fault === undefined) {
        print(`${unit} runs version ${release.version}`);
        continue;
      }
      replaced.undo();
      for (const each of units) await restartAgent(each, registrationMs);
      throw new AgentError(
        "PROGRAM_FAILED",
        `the agent of ${unit} did not register with version ${release.version} (${fault}): version ${program.version} is installed again`,
      );
    }
    replaced.keep();
    const others = agents.filter(({ unit }) => unit === undefined).map(({ pid }) => pid);
    if (others.length > 0)
      print(
        `restart the agents that no service runs (pid ${others.join(", ")}): SIGUSR2 hands their jobs over`,
      );
  },
});

/** Returns the path of the compiled program. Throws `USAGE_INVALID` when something else upgrades it. */
async function findOwnFile(): Promise<string> {
  if (process.env.SIGNALMAN_BUILD === undefined)
    throw new AgentError("USAGE_INVALID", "this program runs from an npm package: upgrade the package");
  const file = await realpath(process.execPath);
  const owners = [
    ["dpkg", "-S", file],
    ["rpm", "-qf", file],
    ["apk", "info", "--who-owns", file],
  ] as const;
  const owner = owners.find((command) => Bun.which(command[0]) !== null && succeeds(command));
  if (owner !== undefined)
    throw new AgentError(
      "USAGE_INVALID",
      `"${file}" belongs to a package (${owner[0]}): upgrade the package, which restarts the agent as well`,
    );
  return file;
}

interface Replacement {
  /** Puts the old program back. */
  undo(): void;
  /** Removes the old program. */
  keep(): void;
}

/** Replaces a program by a rename, once the new one has started and named its version. */
async function replaceProgram(
  file: string,
  write: (temporary: string) => Promise<void>,
  version: string,
): Promise<Replacement> {
  const { mode, uid, gid } = statSync(file);
  const [temporary, previous] = [`${file}.new`, `${file}.previous`];
  for (const path of [temporary, previous]) rmSync(path, { force: true });
  try {
    await write(temporary);
    chownSync(temporary, uid, gid);
    chmodSync(temporary, mode & 0o7777);
    const started = runSystem([temporary, "version"]).trim();
    if (started !== version)
      throw new AgentError(
        "FILE_FAILED",
        `the new program calls itself version ${started}, and the release is ${version}`,
      );
    linkSync(file, previous);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    rmSync(previous, { force: true });
    throw error;
  }
  return { undo: () => renameSync(previous, file), keep: () => rmSync(previous, { force: true }) };
}

function readKeys(): readonly string[] {
  return JSON.parse(process.env.SIGNALMAN_RELEASE_KEYS ?? "[]") as string[];
}

function readTarget(): string {
  return (JSON.parse(process.env.SIGNALMAN_BUILD ?? "{}") as { target: string }).target;
}
