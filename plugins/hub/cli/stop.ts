import { defineCommand, print } from "signalman";
import type { JobView } from "../view.ts";
import { hubArgument } from "./arguments.ts";
import { createClient, findJob } from "./client.ts";

export default defineCommand({
  meta: { name: "hub stop", description: "stop a job" },
  group: "develop",
  examples: [{ line: "signalman hub stop 3f2a", purpose: "stop a job" }],
  configuration: "none",
  args: {
    job: {
      type: "positional",
      description: "job id, or a unique prefix of it",
      required: true,
      completes: "job",
    },
    hub: hubArgument,
  },
  async run({ args }) {
    const client = createClient(args.hub);
    const found = await findJob(client, args.job);
    const { id, state, result } = await client.call<JobView>("POST", `/jobs/${found.id}/stop`);
    const already = found.state === "finished" ? "already " : "";
    print(`${id} ${already}${state}: ${result ?? ""}`);
  },
});
