/** The built-in plugins, in the order in which their hooks are called. The only list of them. */
export const builtIns = {
  shell: () => import("./shell/index.ts"),
  doctor: () => import("./doctor/index.ts"),
  hub: () => import("./hub/index.ts"),
  semaphore: () => import("./semaphore/index.ts"),
  docker: () => import("./docker/index.ts"),
  kubernetes: () => import("./kubernetes/index.ts"),
  redact: () => import("./redact/index.ts"),
  serve: () => import("./serve/index.ts"),
  "log-pull": () => import("./log-pull/index.ts"),
  "ssh-jump-point": () => import("./ssh-jump-point/index.ts"),
  "log-push": () => import("./log-push/index.ts"),
  health: () => import("./health/index.ts"),
  "job-hooks": () => import("./job-hooks/index.ts"),
  "job-log-artifact": () => import("./job-log-artifact/index.ts"),
  statsd: () => import("./statsd/index.ts"),
  "shutdown-hook": () => import("./shutdown-hook/index.ts"),
  cache: () => import("./cache/index.ts"),
  "git-mirrors": () => import("./git-mirrors/index.ts"),
  page: () => import("./page/index.ts"),
};

/** Commands of the built-in plugins: command → plugin. They are known without loading a plugin or a configuration. */
// generated: commands
export const builtInCommands: Readonly<Record<string, keyof typeof builtIns>> = {
  doctor: "doctor",
  hub: "hub",
  "hub submit": "hub",
  "hub jobs": "hub",
  "hub log": "hub",
  "hub stop": "hub",
  "hub agents": "hub",
  "hub shutdown": "hub",
  "hub violations": "hub",
  "hub faults": "hub",
  redact: "redact",
  serve: "serve",
  "cache list": "cache",
  "cache usage": "cache",
  "cache clear": "cache",
  "cache serve": "cache",
  "mirrors list": "git-mirrors",
  "mirrors fetch": "git-mirrors",
  "mirrors remove": "git-mirrors",
};
// end: commands

/** Names of the executors of the built-in plugins. */
export const builtInExecutors: readonly string[] = ["shell", "dockercompose", "kubernetes"];
