import { defineCommand, formatTable, print, printJson, toSize } from "signalman";
import { listMirrors } from "../store/space.ts";
import { findRoots, options } from "./roots.ts";

/** Lists the mirrors of this host's agents. */
export default defineCommand({
  meta: { name: "mirrors list", description: "list the git mirrors of this host's agents" },
  group: "operate",
  examples: [
    { line: "signalman mirrors list", purpose: "list the mirrors, those that were used last first" },
  ],
  listedOptions: options,
  configurationPlace: "host",
  log: "stderr",
  args: { json: { type: "boolean", description: "print NDJSON" } },
  async run({ args, program }) {
    const mirrors = (await Promise.all(findRoots(program).roots.map((root) => listMirrors(root)))).flat();
    if (args.json === true)
      return mirrors.forEach(({ url, bytes, usedAt, paths }) =>
        printJson({ url, bytes, usedAt, directory: paths.directory }),
      );
    if (mirrors.length === 0) return print("no mirrors yet");
    const rows = mirrors.map(({ url, bytes, usedAt }) => [
      url,
      toSize(bytes),
      usedAt === 0 ? "never" : new Date(usedAt).toISOString().slice(0, 16),
    ]);
    print(formatTable([["repository", "size", "last use (UTC)"], ...rows]).join("\n"));
  },
});
