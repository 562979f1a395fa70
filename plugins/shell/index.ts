import { check, definePlugin, executor } from "signalman";
import { config } from "./config.ts";
import { prepareLimits, removeLeftGroups } from "signalman/executor";
import { assertNoneKept } from "./keep-processes.ts";
import { removeExportFiles } from "./export-files.ts";
import { createShellExecutor } from "./shell.ts";

/** Runs jobs in a login bash on this host. */
export default definePlugin({
  name: "shell",
  description: "runs jobs in a login bash on this host",
  runsIn: ["agent", "job"],
  config,
  flags: { "keep-processes": "keep-processes", "shell-start-timeout": "start-timeout" },
  setup(ctx, options) {
    ctx.hook("agent:start", ({ jobUsers = [] }) => assertNoneKept(options["keep-processes"], jobUsers));
    /** The executor that runs all jobs, so that none needs this host's shell. */
    const findOther = () => [...ctx.all(executor)].find(([, { takesAllJobs }]) => takesAllJobs)?.[0];
    ctx.provide(check, "bash", {
      async run(context) {
        const other = findOther();
        if (other !== undefined)
          return [
            { level: "ok", title: `jobs do not use this host's shell: executor "${other}" runs all of them` },
          ];
        return (await import("./checks/bash.ts")).checkBash(context);
      },
    });
    ctx.provide(check, "login-shell", {
      run: async (context) =>
        findOther() === undefined ? (await import("./checks/login.ts")).checkLogin(context, ctx.log) : [],
    });
    ctx.provide(check, "keep-processes", {
      run: async ({ config: all }) =>
        (await import("./checks/job-users.ts")).checkKeepProcesses(all, options["keep-processes"]),
    });
    ctx.provide(check, "home", {
      run: async (context) =>
        findOther() === undefined ? (await import("./checks/home.ts")).checkHome(context) : [],
    });
    ctx.provide(check, "control-group", {
      run: async (context) =>
        findOther() === undefined
          ? (await import("./checks/control-group.ts")).checkControlGroup(context)
          : [],
    });
    ctx.provide(executor, "shell", {
      acceptsCommandPrefix: true,
      appliesUser: true,
      enforcesLimits: ["memoryBytes", "pids", "cpus"],
      prepareLimits,
      hostAddress: async () => "127.0.0.1",
      async cleanUp(context) {
        await removeLeftGroups(context);
        for (const directory of context.directories ?? []) removeExportFiles(directory, context.logger);
      },
      create: (context) =>
        createShellExecutor(context, {
          startTimeoutMs: options["start-timeout"] * 1000,
          keepProcesses: options["keep-processes"],
          sourcesInProfile: options["source-in-profile"],
        }),
    });
  },
});
