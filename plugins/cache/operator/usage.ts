import { defineCommand, formatTable, print, printJson, toSize } from "signalman";
import { describeShared, operatorCommand, projectArgument, toPath } from "./arguments.ts";
import { askCaches } from "./client.ts";
import type { UsageAnswer } from "./handler.ts";

/** Shows how much of the caches of this host's agents is used. */
export default defineCommand({
  meta: { name: "cache usage", description: "show the space that each project uses in the cache" },
  ...operatorCommand,
  examples: [{ line: "signalman cache usage", purpose: "show the space that each project uses" }],
  args: {
    project: projectArgument,
    json: { type: "boolean", description: "print NDJSON: one object for each agent" },
  },
  async run({ args, program }) {
    const answers = await askCaches<UsageAnswer>(program, toPath("usage", args.project));
    for (const { capacity, bytes, waiting, waitingSince, projects, shared } of answers) {
      const shown = projects.toSorted((a, b) => b.bytes - a.bytes);
      if (args.json === true) {
        printJson({ capacity, bytes, waiting, waitingSince, projects: shown, shared });
        continue;
      }
      const rows = shown.map((each) => [each.project, String(each.objects), toSize(each.bytes)]);
      if (rows.length > 0) print(formatTable([["project", "objects", "size"], ...rows]).join("\n"));
      for (const line of describeShared(shared)) print(line);
      print(`${toSize(bytes)} of ${toSize(capacity)} are used`);
      if (waiting === 0) continue;
      const since = new Date(waitingSince ?? Date.now()).toISOString().slice(0, 16);
      print(`objects that wait for cache-upstream: ${waiting}, the first since ${since} (UTC)`);
    }
  },
});
