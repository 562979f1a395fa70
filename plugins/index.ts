/** The built-in plugins, in the order in which their hooks are called. The only list of them. */
export const builtIns = {
  shell: () => import("./shell/index.ts"),
  hub: () => import("./hub/index.ts"),
  semaphore: () => import("./semaphore/index.ts"),
  kubernetes: () => import("./kubernetes/index.ts"),
  "log-push": () => import("./log-push/index.ts"),
  health: () => import("./health/index.ts"),
  "job-hooks": () => import("./job-hooks/index.ts"),
  "job-log-artifact": () => import("./job-log-artifact/index.ts"),
  statsd: () => import("./statsd/index.ts"),
  "shutdown-hook": () => import("./shutdown-hook/index.ts"),
};
