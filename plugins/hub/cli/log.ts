import { defineCommand } from "signalman";
import { hubArgument } from "./arguments.ts";
import { createClient, findJob } from "./client.ts";
import { showLog, toExitCode } from "./show-log.ts";

export default defineCommand({
  meta: { name: "hub log", description: "show a job's log" },
  group: "develop",
  examples: [{ line: "signalman hub log 3f2a --follow", purpose: "follow the log of a job" }],
  configuration: "none",
  args: {
    job: {
      type: "positional",
      description: "job id, or a unique prefix of it",
      required: true,
      completes: "job",
    },
    follow: {
      type: "boolean",
      description: "follow the log until the job is done; the exit status is that of signalman run",
    },
    json: { type: "boolean", description: "print the events of the log as NDJSON" },
    hub: hubArgument,
  },
  async run({ args }) {
    const client = createClient(args.hub);
    const { id } = await findJob(client, args.job);
    const isFollowing = args.follow === true;
    const job = await showLog(client, id, { isFollowing, json: args.json === true });
    if (isFollowing) process.exitCode = toExitCode(job);
  },
});
