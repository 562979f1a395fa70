import { defineCommand } from "signalman";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";
import { findJob } from "./find-job.ts";
import { showLog, toExitCode } from "./follow.ts";

export default defineCommand({
  meta: { name: "hub log", description: "show a job's log" },
  args: {
    job: { type: "positional", description: "its id, or how that begins", required: true },
    follow: { type: "boolean", description: "until it is done; exit as run does" },
    json: { type: "boolean", description: "print the log's events as NDJSON" },
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
