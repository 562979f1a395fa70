import { mkdir } from "node:fs/promises";
import { askJob, defineCommand, print } from "signalman";

export default defineCommand({
  meta: { name: "job-cache", description: "in a job: store or restore a directory" },
  args: {
    op: { type: "positional", required: true, description: "store or restore" },
    key: { type: "positional", required: true, description: "key of the entry" },
    directory: { type: "positional", required: true, description: "the directory" },
  },
  async run({ args: { op, key, directory } }) {
    const ask = (message: object) => askJob({ ...message, do: "job-cache", key }, process.env);
    const { path, upload } = await ask({ op });
    if (typeof path !== "string") return print(`no entry "${key}"`);
    if (op === "restore") await mkdir(directory, { recursive: true });
    const words = op === "restore" ? ["-xf", path, "-C", directory] : ["-cf", path, "-C", directory, "."];
    const status = await Bun.spawn(["tar", ...words], { stdio: ["ignore", "inherit", "inherit"] }).exited;
    if (status !== 0) return void (process.exitCode = status);
    if (op === "store") await ask({ op: "commit", upload });
    print(`${op}d "${key}"`);
  },
});
