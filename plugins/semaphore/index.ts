import { check, type CheckContext, definePlugin, jobSource } from "signalman";
import { config } from "./config.ts";
import { createSemaphoreSource } from "./source.ts";

const names = Object.keys(config.entries) as (keyof typeof config.entries)[];

/** Takes jobs from Semaphore's self-hosted hub. */
export default definePlugin({
  name: "semaphore",
  description: "takes jobs from Semaphore's self-hosted hub",
  runsIn: ["agent"],
  config,
  flags: Object.fromEntries(names.map((name) => [name, name])),
  setup(ctx, options) {
    ctx.provide(check, "semaphore-settings", {
      run: async (context) =>
        isUsed(context) ? (await import("./checks/settings.ts")).checkSettings(options, context) : [],
    });
    ctx.provide(check, "semaphore-contact", {
      run: async (context) =>
        isUsed(context) ? (await import("./checks/connection.ts")).checkConnection(options, context) : [],
    });
    ctx.provide(
      jobSource,
      "semaphore",
      createSemaphoreSource({ config: options, env: process.env, argv: process.argv }),
    );
  },
});

/** With another control plane the options of this plugin do not matter. */
function isUsed({ config }: CheckContext): boolean {
  return config.options.some(({ key, value }) => key === "control-plane" && value === "semaphore");
}
