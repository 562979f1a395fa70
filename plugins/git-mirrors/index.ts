import { check, definePlugin, executor, withDeadline } from "signalman";
import { mayCheckOut } from "./checkout-command.ts";
import { config } from "./config.ts";
import type { JobMirrors, JobPlace } from "./job/job-mirrors.ts";
import { declareMetrics, describeUse } from "./metrics.ts";
import type { Upkeep } from "./store/upkeep.ts";

/** Serves clones and fetches of jobs from mirrors on this host. */
export default definePlugin({
  name: "git-mirrors",
  description: "serves clones and fetches of jobs from mirrors on this host",
  runsIn: ["agent", "job"],
  config,
  flags: { "git-mirrors": "enabled", "git-mirrors-size": "size", "git-mirrors-path": "path" },
  commands: {
    "mirrors list": () => import("./operator/list.ts"),
    "mirrors fetch": () => import("./operator/fetch.ts"),
    "mirrors remove": () => import("./operator/remove.ts"),
  },
  errors: {
    GIT_MIRRORS_BUSY: {
      cause: "A job or another command uses the git mirror, which is fetched, packed or checked.",
      remedy: "Call the command again when `signalman status` shows no job that checks the repository out.",
    },
  },
  setup(ctx, options) {
    if (!options.enabled) return;
    ctx.provide(check, "git-mirrors", {
      run: async (context) => (await import("./check.ts")).checkMirrors(options, context),
    });
    const metrics = declareMetrics(ctx.metrics);

    // The process of a job serves its commands.
    let mirrors: JobMirrors | undefined;
    const findPlace = async (name: string): Promise<JobPlace | undefined> => {
      const factory = ctx.all(executor).get(name);
      const ask = (find: (() => Promise<string | undefined>) | undefined) =>
        withDeadline(
          Promise.resolve(find?.()),
          answerMs,
          () => new Error(`executor "${name}" does not tell where it runs jobs`),
        );
      const own = await ask(factory?.hostAddress);
      const host = own ?? (await ask(factory?.sharedAddress));
      return host === undefined ? undefined : { host, isShared: own === undefined };
    };
    ctx.hook("command:start", async (event) => {
      if (!mayCheckOut(event.directive)) return;
      const { createJobMirrors } = await import("./job/job-mirrors.ts");
      mirrors ??= createJobMirrors({ config: options, metrics, findPlace, logger: ctx.log });
      await mirrors.start(event);
    });
    ctx.hook("command:end", () => mirrors?.end());
    ctx.hook("job:finish", async (event) => mirrors?.report(event));
    ctx.defer(async () => mirrors?.[Symbol.asyncDispose]());

    // The agent keeps the directory, when it has nothing else to do.
    let upkeep: Upkeep | undefined;
    ctx.hook("agent:start", async ({ status }) => {
      if (!status) return;
      const { startUpkeep } = await import("./store/upkeep.ts");
      upkeep = startUpkeep({
        config: options,
        status,
        describeUse: () => describeUse(ctx.metrics),
        show: ctx.status,
        logger: ctx.log,
      });
      ctx.defer(async () => upkeep?.[Symbol.asyncDispose]());
    });
    ctx.hook("agent:job-started", () => upkeep?.pause());
    ctx.hook("agent:job-ended", () => upkeep?.wake());
  },
});

const answerMs = 10_000;
