import {
  AgentError,
  check,
  defineCommand,
  executor,
  hasColour,
  isSecret,
  isTerminal,
  openStatusLine,
  type Program,
  toMessage,
  toPlain,
  print,
  printJson,
} from "signalman";
import { onSignals } from "signalman/host";
import { toCoreChecks } from "./checks/index.ts";
import { renderDiagnoses, type RenderOptions } from "./render.ts";
import { type NamedCheck, runChecks } from "./run-checks.ts";

/** Checks the machine and the configuration from the agent's point of view. Registers no agent and changes nothing. */
export default defineCommand({
  meta: {
    name: "doctor",
    description: "check that this machine can run an agent, with a remedy for each problem",
  },
  group: "operate",
  examples: [
    { line: "signalman doctor", purpose: "check this machine for an agent" },
    { line: "signalman doctor --json --timeout 30", purpose: "print the findings for a script" },
  ],
  listedOptions: [
    "config-file",
    "endpoint",
    "token-file",
    "ca-file",
    "state-dir",
    "shell-user",
    "job-memory",
  ],
  namesOptions: true,
  configuration: "lenient",
  reportsFaults: true,
  configurationPlace: "agent",
  log: "stderr",
  args: {
    json: { type: "boolean", description: "print JSON" },
    timeout: {
      type: "string",
      default: "10",
      valueHint: "seconds",
      description: "time-out of each check; at most 3600",
    },
  },
  async run({ args, program }) {
    const deadlineMs = toDeadline(args.timeout);
    const interrupted = new AbortController();
    using _signals = onSignals((count) => (count === 1 ? interrupted.abort() : process.exit(130)));

    using statusLine = openStatusLine({ quietMs: 500 });
    statusLine.show("setting up the plugins");
    const failed: NamedCheck[] = [];
    await using host = await program.openHost({
      roles: ["agent", "job"],
      onSetupFailed: (plugin, error) => failed.push(toFailedSetup(plugin, error)),
    });
    const own = toCoreChecks(program.faults, [...host.all(executor).keys()]);
    const pending = new Set<string>();
    statusLine.show("waiting for checks", { progress: () => [...pending].join(", ") });
    const found = await runChecks([...own, ...toPluginChecks(host), ...failed], {
      config: program.config,
      env: process.env,
      deadlineMs,
      signal: interrupted.signal,
      pending,
    });
    statusLine.show(undefined);
    if (interrupted.signal.aborted) {
      process.exitCode = 130;
      return;
    }

    const secrets = new Set(program.secrets.filter(isSecret));
    const diagnoses = toPlain(found, secrets) as typeof found;
    if (args.json) printJson({ version: program.version, findings: diagnoses }, 2);
    else print(renderDiagnoses(diagnoses, toLook(process.stdout)));
    if (diagnoses.some(({ level }) => level === "error")) process.exitCode = 1;
  },
});

/** How findings look on a stream. In a pipe each text is a line. */
function toLook(stream: NodeJS.WriteStream): RenderOptions {
  const isShown = isTerminal(stream);
  return { isColoured: hasColour(isShown), columns: isShown ? stream.columns || undefined : undefined };
}

function toDeadline(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0 && seconds <= 3600) return seconds * 1000;
  throw new AgentError(
    "USAGE_INVALID",
    `"--timeout" expects seconds, more than 0 and at most 3600; received "${text}"`,
  );
}

function toPluginChecks(host: Awaited<ReturnType<Program["openHost"]>>): NamedCheck[] {
  const owners = new Map(
    host
      .describe()
      .flatMap(({ plugin, services }) =>
        services.filter(({ service }) => service === check.id).map(({ name }) => [name, plugin] as const),
      ),
  );
  return [...host.all(check)].map(([name, one]) => ({
    name,
    owner: owners.get(name) ?? name,
    check: one,
  }));
}

function toFailedSetup(plugin: string, error: unknown): NamedCheck {
  return {
    name: "setup",
    owner: plugin,
    check: {
      run: () => [
        {
          level: "error",
          title: "the plugin could not be set up: the agent does not start with it",
          detail: toMessage(error),
          remedy: `correct its configuration, or turn it off (plugins: { ${plugin}: false } in the configuration file)`,
        },
      ],
    },
  };
}
