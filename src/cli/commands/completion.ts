import { defineCommand } from "../../core/contracts/command.ts";
import { AgentError } from "../../core/errors.ts";
import { completionScripts, type Shell, shells } from "../completion/scripts.ts";
import { print } from "../output/print.ts";

export default defineCommand({
  meta: {
    name: "completion",
    description: "print the script that completes commands in a shell, or install it",
  },
  group: "configure",
  examples: [
    { line: "signalman completion zsh --install", purpose: "install it for this user" },
    { line: "signalman completion bash > /etc/bash_completion.d/signalman", purpose: "for all users" },
  ],
  args: {
    shell: {
      type: "positional",
      required: true,
      description: `the shell: ${shells.join(", ")}`,
      completes: shells,
    },
    install: {
      type: "boolean",
      description: "write the script to this user's directory for it; no other file is changed",
    },
  },
  configuration: "none",
  log: "stderr",
  async run({ args }) {
    const { shell } = args;
    if (!isShell(shell))
      throw new AgentError("USAGE_INVALID", `no completion for "${shell}" (known: ${shells.join(", ")})`);
    if (args.install !== true) return print(completionScripts[shell].trimEnd());
    const { installCompletion } = await import("../completion/install.ts");
    print(installCompletion(shell, process.env).join("\n"));
  },
});

function isShell(name: string): name is Shell {
  return (shells as readonly string[]).includes(name);
}
