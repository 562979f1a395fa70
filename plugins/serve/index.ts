import { definePlugin } from "signalman";

/** Hosted mode: takes one job from clients of an HTTPS API (protocol section 8.3). */
export default definePlugin({
  name: "serve",
  description: "takes one job from clients of an HTTPS API (hosted mode)",
  runsIn: ["agent"],
  commands: { serve: () => import("./command.ts") },
  setup() {},
});
