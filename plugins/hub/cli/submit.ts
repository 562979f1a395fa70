import { defineCommand, readJobText } from "signalman";
import type { JobView } from "../view.ts";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";
import { showLog, toExitCode } from "./follow.ts";

export default defineCommand({
  meta: { name: "hub submit", description: "queue a job from a file" },
  args: {
    file: {
      type: "positional",
      description: "YAML or JSON file, as for run; - for standard input",
      required: true,
    },
    follow: { type: "boolean", description: "show its log until it is done; exit as run does" },
    json: { type: "boolean", description: "print JSON: the job, and with --follow the log's events" },
    id: { type: "string", description: "the job's id", valueHint: "UUID" },
    "as-it-is": { type: "boolean", description: "send agents the text word for word, whatever it is" },
    hub: hubArgument,
  },
  async run({ args }) {
    const client = createClient(args.hub);
    const query = new URLSearchParams({
      name: args.file === "-" ? "standard input" : args.file,
      ...(args.id !== undefined && { id: args.id }),
      ...(args["as-it-is"] === true && { "as-it-is": "" }),
    });
    const job = await client.call<JobView>("POST", `/jobs?${query}`, await readJobText(args.file));
    const json = args.json === true;
    if (args.follow !== true) process.stdout.write(`${json ? JSON.stringify(job) : job.id}\n`);
    else {
      process.stderr.write(`job ${job.id}\n`);
      process.exitCode = toExitCode(await showLog(client, job.id, { isFollowing: true, json }));
    }
  },
});
