import { definePlugin, jobSource } from "signalman";
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
    ctx.provide(
      jobSource,
      "semaphore",
      createSemaphoreSource({ config: options, env: process.env, argv: process.argv }),
    );
  },
});
