import { AgentError, defineCommand, print } from "signalman";
import { listMirrors, removeMirror } from "../store/space.ts";
import { waitForLock } from "../store/mirror-lock.ts";
import { findRoots, options } from "./roots.ts";

/** Removes mirrors. */
export default defineCommand({
  meta: { name: "mirrors remove", description: "remove git mirrors of this host's agents" },
  group: "operate",
  examples: [
    {
      line: "signalman mirrors remove git@github.com:acme/app.git",
      purpose: "remove the mirror of one repository",
    },
    { line: "signalman mirrors remove --all", purpose: "remove all mirrors" },
  ],
  listedOptions: options,
  configurationPlace: "host",
  log: "stderr",
  args: {
    url: {
      type: "positional",
      required: false,
      description: "URL of the repository, as `mirrors list` shows it",
    },
    all: { type: "boolean", description: "remove all mirrors" },
  },
  async run({ args, program }) {
    if ((args.url === undefined) === (args.all !== true))
      throw new AgentError("USAGE_INVALID", "expected the URL of a repository, or --all");
    let removed = 0;
    for (const root of findRoots(program).roots)
      for (const { paths, url } of await listMirrors(root)) {
        if (args.all !== true && url !== args.url) continue;
        using lock = await waitForLock(paths, AbortSignal.timeout(60_000));
        if (lock === undefined)
          throw new AgentError("GIT_MIRRORS_BUSY", `the mirror of "${url}" is in use: try again later`);
        await removeMirror(root, paths);
        removed++;
      }
    if (args.url !== undefined && removed === 0)
      throw new AgentError("USAGE_INVALID", `"${args.url}" has no mirror: see signalman mirrors list`);
    print(removed === 1 ? "removed 1 mirror" : `removed ${removed} mirrors`);
  },
});
