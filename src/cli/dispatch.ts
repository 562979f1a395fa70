import { AgentError, isAgentError } from "../errors.ts";
import { logStrayErrors } from "../logger/stray-errors.ts";
import { toVariable } from "../config/flags.ts";
import { blame } from "../host/guard.ts";
import type { BuiltInPlugins, LoadedPlugin } from "../host/loader.ts";
import { isSecret, redact } from "../logger/line.ts";
import { peekFlags } from "./arguments.ts";
import { collectPluginCommands, findCommand, findPluginCommand, loadPluginCommand } from "./commands.ts";
import { loadProgram, type LoadedProgram, type LoadProgramOptions } from "./program.ts";
import { report } from "./report.ts";

export interface DispatchOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly builtIns: BuiltInPlugins;
  readonly version: string;
}

/** Runs the command that `argv` calls, says what fails, and ends the process. */
export async function dispatch(options: DispatchOptions): Promise<void> {
  let secrets: ReadonlySet<string> = new Set();
  // Whoever reads our output may leave; that is no failure of ours.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  try {
    await call(options, ({ program }) => {
      secrets = new Set(program.secrets.filter(isSecret));
      logStrayErrors(program.logger);
    });
  } catch (error) {
    const found = findCommand(options.argv);
    const code = report(error, {
      isDebug: isDebug(options),
      command: found?.name,
      hide: (text) => redact(text, secrets),
    });
    const isRefusal = isAgentError(error) && error.code !== "USAGE_INVALID" && code === 2;
    process.exitCode = (isRefusal ? found?.entry.refusal : undefined) ?? code;
  }
  await Promise.all([end(process.stdout), end(process.stderr)]);
  // A timer or socket that a plugin forgot must not keep the process.
  process.exit();
}

async function call(options: DispatchOptions, onLoad: (loaded: LoadedProgram) => void): Promise<void> {
  const { argv } = options;
  const [word] = argv;
  const found = findCommand(argv);
  if (word === undefined || wantsHelp(argv)) return help(options, found?.name.split(" "));
  if (found === undefined && word.startsWith("-")) {
    throw new AgentError(
      "USAGE_INVALID",
      `the command comes first, before "${word}" (as in: signalman run job.yaml ${word})`,
    );
  }

  let load: LoadProgramOptions["command"];
  let plugin: string | undefined;
  let name = found?.name ?? word;
  if (found === undefined) {
    load = async (plugins) => {
      name = findPluginCommand(argv, plugins);
      plugin = collectPluginCommands(plugins).get(name)?.plugin;
      return { command: await loadPluginCommand(name, plugins), words: name.split(" ").length };
    };
  } else {
    load = async (plugins: readonly LoadedPlugin[]) => {
      collectPluginCommands(plugins);
      return { command: (await found.entry.load()).default, words: name.split(" ").length };
    };
  }
  const loaded = await loadProgram({
    ...options,
    command: load,
    log: found?.entry.log ?? "file",
    isLenient: found?.entry.isLenient ?? false,
  });
  onLoad(loaded);
  const { runCommand } = await import("citty");
  try {
    await runCommand(loaded.command, { rawArgs: [...loaded.rawArgs], data: loaded.program });
  } catch (error) {
    // What the user gave is no failure of the plugin.
    if (plugin === undefined || isAgentError(error, "USAGE_INVALID")) throw error;
    throw blame(error, { plugin, where: `command "${name}"` });
  }
}

/** `--help` anywhere, `-h`, `help`, or nothing at all, which is a fault. */
async function help(options: DispatchOptions, words: readonly string[] | undefined): Promise<void> {
  const { argv } = options;
  const isFault = argv.length === 0;
  const { default: command, renderHelp } = await import("./help.ts");
  const named = peekFlags(argv, ["config-file", "config-env"]);
  const { program } = await loadProgram({
    ...options,
    argv: [...named].map(([flag, value]) => `--${flag}=${value}`),
    command: async () => ({ command, words: 0 }),
    log: "stderr",
    isLenient: true,
  });
  const name = findPluginCommand(argv, program.plugins);
  const asked = words ?? (name === "" || name.startsWith("-") ? [] : name.split(" "));
  const isPlain = asked.length === 1 && asked[0] === "help";
  const text = await renderHelp(program, isPlain ? [] : asked);
  process[isFault ? "stderr" : "stdout"].write(text);
  if (isFault) process.exitCode = 2;
}

function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? undefined : end).some((word) => word === "--help" || word === "-h");
}

function isDebug({ argv, env }: DispatchOptions): boolean {
  const level = peekFlags(argv, ["log-level"]).get("log-level") ?? env[toVariable("log-level")];
  return level === "debug" || level === "trace";
}

/** An empty write comes back while Bun still holds what a slow reader has not taken; an end does not. */
function end(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((done) => {
    stream.once("close", done);
    stream.end(() => done());
  });
}
