import { definePlugin } from "signalman";

/** A control plane for development, demos and tests. It adds commands and has no effect in an agent. */
export default definePlugin({
  name: "hub",
  description: "a control plane for development, demos and tests",
  runsIn: ["agent"],
  commands: {
    hub: () => import("./cli/serve.ts"),
    "hub submit": () => import("./cli/submit.ts"),
    "hub jobs": () => import("./cli/jobs.ts"),
    "hub log": () => import("./cli/log.ts"),
    "hub stop": () => import("./cli/stop.ts"),
    "hub agents": () => import("./cli/agents.ts"),
    "hub shutdown": () => import("./cli/shutdown.ts"),
    "hub violations": () => import("./cli/violations.ts"),
    "hub faults": () => import("./cli/faults.ts"),
  },
  setup() {},
});
