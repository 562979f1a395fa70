import { defineCommand, print } from "signalman";
import { describeShared, operatorCommand, projectArgument, toPath } from "./arguments.ts";
import { askCaches } from "./client.ts";
import type { ClearAnswer } from "./handler.ts";

/** Removes objects of the caches of this host's agents. Jobs that are reading one finish. */
export default defineCommand({
  meta: { name: "cache clear", description: "remove the objects of one project, or of all, from the cache" },
  ...operatorCommand,
  examples: [
    { line: "signalman cache clear --project 7c1d2e", purpose: "remove the objects of one project" },
  ],
  args: { project: projectArgument },
  async run({ args, program }) {
    const answers = await askCaches<ClearAnswer>(program, toPath("objects", args.project), "DELETE");
    const removed = answers.reduce((sum, answer) => sum + answer.removed, 0);
    for (const line of describeShared(answers.flatMap(({ shared }) => shared))) print(line);
    print(removed === 1 ? "1 object removed" : `${removed} objects removed`);
  },
});
