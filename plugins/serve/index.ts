import { definePlugin } from "signalman";

/** Hosted mode: takes one job from clients of an HTTPS API (protocol section 8.3). */
export default definePlugin({
  name: "serve",
  description: "takes one job from clients of an HTTPS API (hosted mode)",
  runsIn: ["agent"],
  commands: { serve: () => import("./command.ts") },
  errors: {
    SERVE_PAUSED: {
      cause: "The agent takes no job at present, because a plugin refuses jobs. Clients get status 503.",
      remedy: "Submit the job again later. `signalman status` shows the reason and the plugin.",
    },
  },
  setup() {},
});
