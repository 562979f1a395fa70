import {
  AgentError,
  check,
  defineCommand,
  executor,
  hasColour,
  isSecret,
  onSignals,
  toMessage,
  toPlain,
} from "signalman";
import { type NamedCheck, examine } from "./examine.ts";
import { renderDiagnoses } from "./render.ts";
import { toCoreChecks } from "./checks/index.ts";

/** Looks at the machine and the configuration as an agent would find them; registers no agent, and changes nothing. */
export default defineCommand({
  meta: { name: "doctor", description: "look whether an agent could work here, and what to do where not" },
  configuration: "lenient",
  reportsFaults: true,
  log: "stderr",
  args: {
    json: { type: "boolean", description: "print JSON" },
    timeout: {
      type: "string",
      default: "10",
      valueHint: "seconds",
      description: "how long each check may take",
    },
  },
  async run({ args, program }) {
    const deadlineMs = toDeadline(args.timeout);
    const quit = new AbortController();
    using _ = onSignals((count) => (count === 1 ? quit.abort() : process.exit(130)));

    const failed: NamedCheck[] = [];
    await using host = await program.openHost({
      roles: ["agent", "job"],
      onSetupFailed: (plugin, error) => failed.push(toFailedSetup(plugin, error)),
    });
    const owners = new Map(
      host
        .describe()
        .flatMap(({ plugin, services }) =>
          services.filter(({ service }) => service === check.id).map(({ name }) => [name, plugin] as const),
        ),
    );
    const theirs = [...host.all(check)].map(([name, one]) => ({
      name,
      owner: owners.get(name) ?? name,
      check: one,
    }));
    const found = await examine(
      [...toCoreChecks(program.faults, [...host.all(executor).keys()]), ...theirs, ...failed],
      {
        config: program.config,
        env: process.env,
        deadlineMs,
        signal: quit.signal,
      },
    );

    if (quit.signal.aborted) {
      process.exitCode = 130;
      return;
    }

    const secrets = new Set(program.secrets.filter(isSecret));
    const diagnoses = toPlain(found, secrets) as typeof found;
    const text = args.json
      ? JSON.stringify({ version: program.version, findings: diagnoses }, null, 2)
      : renderDiagnoses(diagnoses, { isColoured: hasColour(process.stdout.isTTY) });
    process.stdout.write(`${text}\n`);
    if (diagnoses.some(({ level }) => level === "error")) process.exitCode = 1;
  },
});

function toDeadline(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0 && seconds <= 3600) return seconds * 1000;
  throw new AgentError(
    "USAGE_INVALID",
    `"--timeout" expects seconds, more than 0 and 3600 at most; received "${text}"`,
  );
}

function toFailedSetup(plugin: string, error: unknown): NamedCheck {
  return {
    name: "setup",
    owner: plugin,
    check: {
      run: () => [
        {
          level: "error",
          title: "the plugin cannot be set up: no agent starts with it",
          detail: toMessage(error),
          remedy: `mend it, or turn it off (plugins: { ${plugin}: false } in the configuration file)`,
        },
      ],
    },
  };
}
