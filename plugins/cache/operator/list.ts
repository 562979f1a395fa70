import { defineCommand, formatTable, print, printJson, toSize } from "signalman";
import { describeShared, operatorCommand, projectArgument, toPath } from "./arguments.ts";
import { askCaches } from "./client.ts";
import type { ObjectsAnswer } from "./handler.ts";

/** Lists the objects of the caches of this host's agents. */
export default defineCommand({
  meta: { name: "cache list", description: "list the objects in the caches of this host's agents" },
  ...operatorCommand,
  examples: [{ line: "signalman cache list", purpose: "list the objects of all projects" }],
  args: { project: projectArgument, json: { type: "boolean", description: "print NDJSON" } },
  async run({ args, program }) {
    const answers = await askCaches<ObjectsAnswer>(program, toPath("objects", args.project));
    const objects = answers.flatMap((answer) => answer.objects);
    const total = answers.reduce((sum, answer) => sum + answer.total, 0);
    if (args.json === true) return objects.forEach((object) => printJson(object));
    if (objects.length === 0) return print("the cache has no objects");
    const rows = objects.map(({ project, key, size, usedAt }) => [
      project,
      // The key begins with the project.
      JSON.stringify(key.slice(project.length + 1)).slice(1, -1),
      toSize(size),
      new Date(usedAt).toISOString().slice(0, 16),
    ]);
    print(formatTable([["project", "key", "size", "last use (UTC)"], ...rows]).join("\n"));
    for (const line of describeShared(answers.flatMap(({ shared }) => shared))) print(line);
    if (total > objects.length) print(`${total - objects.length} more, which were not used for longer`);
  },
});
