import { defineCommand, readJobText, print, printJson } from "signalman";
import type { JobView } from "../view.ts";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";
import { showLog, toExitCode } from "./show-log.ts";

export default defineCommand({
  meta: { name: "hub submit", description: "queue a job from a file" },
  group: "develop",
  examples: [{ line: "signalman hub submit job.yaml --follow", purpose: "queue a job and follow its log" }],
  configuration: "none",
  args: {
    file: {
      type: "positional",
      completes: "file",
      description: "YAML or JSON job file, as for signalman run; - for standard input",
      required: true,
    },
    follow: {
      type: "boolean",
      description: "follow the log until the job is done; the exit status is that of signalman run",
    },
    json: {
      type: "boolean",
      description: "print the job as JSON, or with --follow the log's events as NDJSON",
    },
    id: { type: "string", description: "id of the new job (default: a new UUID)", valueHint: "UUID" },
    "as-it-is": { type: "boolean", description: "send the text to agents unchanged, without validation" },
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
    if (args.follow !== true) {
      if (json) printJson(job);
      else print(job.id);
    } else {
      print(`job ${job.id}`, process.stderr);
      process.exitCode = toExitCode(await showLog(client, job.id, { isFollowing: true, json }));
    }
  },
});
