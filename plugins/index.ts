/** The built-in plugins, in the order in which their hooks are called. The only list of them. */
export const builtIns = {
  shell: () => import("./shell/index.ts"),
  "log-push": () => import("./log-push/index.ts"),
};
