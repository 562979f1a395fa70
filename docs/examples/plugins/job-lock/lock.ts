import { askJob, defineCommand } from "signalman";

export default defineCommand({
  meta: { name: "lock", description: "in a job: wait for a lock, and keep it until the job has ended" },
  args: { name: { type: "positional", required: true, description: "name of the lock" } },
  async run({ args }) {
    await askJob({ do: "lock", name: args.name }, process.env);
  },
});
