import type { CommandLoader } from "../../core/contracts/command.ts";

/**
 * The program's own commands by name, in the order of the help page. Each is a file of this directory, loaded
 * when it is called. A command of a plugin is declared in the plugin (`commands`).
 */
export const ownCommands: Readonly<Record<string, CommandLoader>> = {
  start: () => import("./start.ts"),
  run: () => import("./run.ts"),
  logs: () => import("./logs.ts"),
  status: () => import("./status.ts"),
  config: () => import("./config.ts"),
  "config check": () => import("./config-check.ts"),
  "config migrate": () => import("./config-migrate.ts"),
  "config schema": () => import("./config-schema.ts"),
  plugins: () => import("./plugins.ts"),
  "plugins new": () => import("./plugins-new.ts"),
  "plugins test": () => import("./plugins-test.ts"),
  upgrade: () => import("./upgrade.ts"),
  "service install": () => import("./service-install.ts"),
  "service status": () => import("./service-status.ts"),
  "service uninstall": () => import("./service-uninstall.ts"),
  completion: () => import("./completion.ts"),
  help: () => import("./help.ts"),
  version: () => import("./version.ts"),
};
