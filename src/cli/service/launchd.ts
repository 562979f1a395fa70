import { existsSync, readFileSync, rmSync } from "node:fs";
import { AgentError } from "../../core/errors.ts";
import type { InstallOptions, Service } from "./contract.ts";
import { runSystem, succeeds } from "./system-command.ts";
import { replaceFile } from "./replace-file.ts";

const label = "com.signalman.agent";
const definition = `/Library/LaunchDaemons/${label}.plist`;
const target = `system/${label}`;

/** The daemon of macOS. */
export function findLaunchd(): Service {
  const isActive = () => succeeds(["launchctl", "print", target]);
  return {
    name: label,
    async install(options) {
      if (existsSync(definition) && !options.isForced)
        throw new AgentError("FILE_FAILED", `"${definition}" exists already; --force replaces it`);
      // launchd reads no file of variables, so that the token is in the definition, which only root can read.
      replaceFile(definition, toDefinition(options, readVariables(options.environmentFile)), 0o600);
      if (!options.isStarted) return;
      if (isActive()) runSystem(["launchctl", "bootout", target]);
      runSystem(["launchctl", "bootstrap", "system", definition]);
    },
    async status() {
      const isThere = existsSync(definition);
      return {
        definition: isThere ? definition : undefined,
        isOurs: isThere,
        isActive: isActive(),
        isEnabled: isThere,
      };
    },
    async uninstall() {
      if (!existsSync(definition))
        throw new AgentError(
          "FILE_FAILED",
          `"${definition}" does not exist: no service was installed by this command`,
        );
      rmSync(definition);
      if (!isActive()) return true;
      runSystem(["launchctl", "kill", "SIGQUIT", target]);
      return false;
    },
  };
}

/** Reads lines `NAME=value`, and leaves out comments. */
function readVariables(file: string): [string, string][] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as [string, string]];
  });
}

/** Returns the text of the definition. `AbandonProcessGroup`: jobs go on when the agent is replaced. */
export function toDefinition(
  { program, user, configFile }: Pick<InstallOptions, "program" | "user" | "configFile">,
  variables: readonly (readonly [string, string])[],
): string {
  const text = (value: string) =>
    `<string>${value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")}</string>`;
  const path = "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin:/sbin";
  const words = [program, "start", "--config-file", configFile];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    "<dict>",
    `  <key>Label</key>${text(label)}`,
    `  <key>ProgramArguments</key><array>${words.map(text).join("")}</array>`,
    "  <key>EnvironmentVariables</key>",
    "  <dict>",
    ...[["PATH", path] as const, ...variables].map(([name, value]) => `    <key>${name}</key>${text(value)}`),
    "  </dict>",
    "  <key>RunAtLoad</key><true/>",
    "  <key>KeepAlive</key><dict><key>Crashed</key><true/></dict>",
    "  <key>AbandonProcessGroup</key><true/>",
    `  <key>UserName</key>${text(user)}`,
    "</dict>",
    "</plist>",
    "",
  ].join("\n");
}
