import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defineCommand } from "../../core/contracts/command.ts";
import { AgentError } from "../../core/errors.ts";
import { toShutdownSeconds } from "../../os/systemd/unit-settings.ts";
import { print } from "../output/print.ts";
import { assertRoot, findInstalledProgram, prepareEnvironmentFile } from "../service/prepare.ts";
import { findService } from "../service/service.ts";
import { succeeds } from "../service/system-command.ts";

export default defineCommand({
  meta: { name: "service install", description: "install the agent as a service of systemd or launchd" },
  group: "operate",
  examples: [
    { line: "signalman service install --user ci", purpose: "install and start the agent as the user ci" },
  ],
  args: {
    user: {
      type: "string",
      valueHint: "name",
      required: true,
      description: "user of the agent and its jobs",
    },
    "environment-file": {
      type: "string",
      valueHint: "file",
      default: "/etc/signalman/environment",
      description: "file with the agent's variables, which only root can read; gets SEMAPHORE_AGENT_TOKEN",
    },
    force: { type: "boolean", description: "replace an existing service" },
  },
  configuration: "lenient",
  configurationPlace: "host",
  log: "stderr",
  async run({ args, program }) {
    assertRoot();
    const service = findService();
    const configFile = resolve(program.config.file ?? "/etc/signalman/config.yaml");
    if (!existsSync(configFile))
      throw new AgentError(
        "USAGE_INVALID",
        `"${configFile}" does not exist: write the configuration first, or name it with --config-file`,
      );
    if (!succeeds(["id", "-u", "--", args.user]))
      throw new AgentError(
        "USAGE_INVALID",
        `user "${args.user}" does not exist: useradd --create-home ${args.user}`,
      );
    const environmentFile = resolve(args["environment-file"]);
    const hasToken = prepareEnvironmentFile(environmentFile, process.env);
    await service.install({
      program: findInstalledProgram(),
      user: args.user,
      configFile,
      environmentFile,
      shutdownSeconds: toShutdownSeconds(program.config),
      isStarted: hasToken,
      isForced: args.force === true,
    });
    print(
      hasToken
        ? `${service.name} is installed and started`
        : `${service.name} is installed: put SEMAPHORE_AGENT_TOKEN=… into ${environmentFile}, then start it`,
    );
  },
});
