import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { AgentError, bytes, definePlugin, jobCommand, readVariable, v } from "signalman";

const refuse = (why: string): AgentError => new AgentError("JOB_REFUSED", why);
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Stores directories of jobs by project and key. The plugin keeps the books; the job's processes move the bytes. */
export default definePlugin({
  name: "job-cache",
  description: "stores and restores directories of jobs by key",
  runsIn: ["job"],
  config: v.strictObject({
    directory: v.pipe(v.string(), v.description("Directory of the entries")),
    size: v.optional(bytes("Size of all entries together"), "1GiB"),
  }),
  commands: { "job-cache": () => import("./command.ts") },
  setup(ctx, { directory, size }) {
    ctx.provide(jobCommand, "job-cache", {
      async run({ op, key, upload }, { job }) {
        const project = readVariable(job.env, "SEMAPHORE_PROJECT_ID");
        if (!project) throw refuse("the job has no project");
        if (typeof key !== "string" || key === "") throw refuse("the key of an entry is a text");
        const entry = join(directory, `${hash(project)}-${hash(key)}.tar`);
        if (op === "restore") {
          const now = new Date();
          return (await utimes(entry, now, now).catch(() => "missing")) === "missing" ? {} : { path: entry };
        }
        await mkdir(directory, { recursive: true });
        if (op === "store") {
          const id = randomUUID();
          return { path: join(directory, `${id}.upload`), upload: id };
        }
        // The job is not trusted: the upload must not be another path.
        if (op !== "commit" || !/^[\da-f-]{36}$/.test(String(upload)))
          throw refuse("unknown operation or upload");
        await rename(join(directory, `${String(upload)}.upload`), entry);
        await evict(directory, size);
        return {};
      },
    });
  },
});

/** Removes what was used least recently, also uploads that were never finished. */
async function evict(directory: string, size: number): Promise<void> {
  const read = async (name: string) => ({ name, ...(await stat(join(directory, name))) });
  const found = await Promise.allSettled((await readdir(directory)).map(read));
  const entries = found.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  let sum = 0;
  for (const { name, size: own } of entries.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
    sum += own;
    if (sum > size) await rm(join(directory, name), { force: true });
  }
}
