import { homedir } from "node:os";
import { join } from "node:path";
import { AgentError, defineCommand, print, toSize } from "signalman";
import { makeOwnDirectory } from "signalman/host";
import { parseOrigin } from "../origin.ts";
import { touch } from "../store/files.ts";
import { toMirrorPaths } from "../store/layout.ts";
import { waitForLock } from "../store/mirror-lock.ts";
import { seedMirror } from "../store/seed.ts";
import { findRoots, options } from "./roots.ts";

/** Fills a mirror before the first job needs it. */
export default defineCommand({
  meta: { name: "mirrors fetch", description: "bring the mirror of a repository up to date, or create it" },
  group: "operate",
  examples: [
    {
      line: "signalman mirrors fetch git@github.com:acme/app.git",
      purpose: "fetch all branches and tags with the git configuration and the keys of this user",
    },
    {
      line: "signalman mirrors fetch git@github.com:acme/app.git --from /mnt/app.bundle",
      purpose: "fill the mirror from a bundle or from another clone",
    },
  ],
  listedOptions: options,
  configurationPlace: "host",
  log: "stderr",
  args: {
    url: {
      type: "positional",
      required: true,
      description: "URL of the repository, as jobs have it in SEMAPHORE_GIT_URL",
    },
    from: {
      type: "string",
      description: "directory of a clone, or bundle, to read instead of the URL",
      valueHint: "path",
    },
  },
  async run({ args, program }) {
    const origin = parseOrigin(args.url);
    if (typeof origin === "string")
      throw new AgentError("USAGE_INVALID", `"${args.url}" is not mirrored: ${origin}`);
    const { roots, size } = findRoots(program);
    if (roots.length === 0)
      throw new AgentError(
        "USAGE_INVALID",
        "no agent of this host has a state directory: start it once, or set git-mirrors-path",
      );
    const signal = new AbortController().signal;
    for (const root of roots) {
      makeOwnDirectory(root);
      const paths = toMirrorPaths(root, origin.url);
      using lock = await waitForLock(paths, AbortSignal.timeout(lockMs));
      if (lock === undefined)
        throw new AgentError("GIT_MIRRORS_BUSY", `the mirror of "${origin.url}" is in use: try again later`);
      const source = { url: args.from ?? origin.url, env: toOwnEnvironment(process.env) };
      const { originBytes } = await seedMirror(paths, { root, size, url: origin.url, source, signal });
      await touch(paths.used);
      print(`${origin.url}: ${toSize(originBytes)} fetched`);
    }
  },
});

/** The operator's own git and ssh, as in a clone by hand. */
function toOwnEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const names = ["HOME", "USER", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSH", "XDG_CONFIG_HOME"];
  return {
    ...Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    GIT_CONFIG_GLOBAL: env["GIT_CONFIG_GLOBAL"] ?? join(homedir(), ".gitconfig"),
  };
}

const lockMs = 600_000;
