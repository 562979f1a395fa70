import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, definePlugin, jobCommand, v } from "signalman";

/** Locks that jobs of this host share: one job after another uses what a lock stands for. */
export default definePlugin({
  name: "job-lock",
  description: "gives the jobs of this host locks to wait for",
  runsIn: ["job"],
  config: v.strictObject({ directory: v.pipe(v.string(), v.description("Directory of the locks' files")) }),
  commands: { lock: () => import("./lock.ts") },
  setup(ctx, { directory }) {
    const held = new DisposableStack();
    ctx.defer(() => held.dispose());
    ctx.provide(jobCommand, "lock", {
      timeoutMs: 3_600_000,
      async run({ name }, { signal, log }) {
        // The job is not trusted: its name must not lead out of the directory.
        if (typeof name !== "string" || !/^[\w-]{1,64}$/.test(name))
          throw new AgentError("JOB_REFUSED", "the name of a lock has up to 64 letters, digits, _ and -");
        const { takeLock } = await import("signalman/host");
        const startedAt = performance.now();
        for (let isTold = false; ; isTold = true) {
          const lock = takeLock(join(directory, `${name}.lock`));
          if (lock) {
            held.use(lock);
            return { waitedMs: Math.round(performance.now() - startedAt) };
          }
          if (!isTold) log.write(`waiting for the lock "${name}", which another job has`);
          await sleep(200, undefined, { signal });
        }
      },
    });
  },
});
