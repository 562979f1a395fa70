import type { Program } from "../core/contracts/command.ts";
import { AgentError, isAgentError } from "../core/errors.ts";
import { attributeError, describeCaller } from "../core/host/attribution.ts";
import { isSecret, redact } from "../core/logger/line.ts";
import { logUncaughtErrors } from "../os/this-process/uncaught-errors.ts";
import { allowExit, exitProgram, guardExit, type UnexpectedExit } from "../os/this-process/exit-guard.ts";
import { endOutputs, openRuntimeStreams, reserveStdout, stderr, stdout } from "../os/this-process/output.ts";
import { print } from "./output/print.ts";
import { readEarlyOptions } from "./configuration/early-options.ts";
import { findKnownCommand, type FoundCommand, toHelpOf, findName } from "./program/find-command.ts";
import { loadProgram, type LoadProgramOptions } from "./program/program.ts";
import { report } from "./report.ts";

export type DispatchOptions = Omit<LoadProgramOptions, "known" | "early">;

/** Runs the command that the command line names, reports its error, and ends the process. */
export async function dispatch(options: DispatchOptions): Promise<void> {
  // The runtime has taken its own options from there, and would do so again in every child process that is a
  // Bun program.
  delete process.env["BUN_OPTIONS"];
  const early = readEarlyOptions(options);
  let secrets: ReadonlySet<string> = new Set();
  let known: FoundCommand | undefined;
  let lowestStatus = 2;
  guardExit((exit) => {
    print(`error: ${toExitMessage(exit)}`, stderr());
    return exit.status || lowestStatus;
  });
  try {
    known = await findKnownCommand(options.argv, options.builtIns);
    lowestStatus = known?.command.refusedStatus ?? 2;
    await call({ ...options, known, early }, (program) => {
      secrets = new Set(program.secrets.filter(isSecret));
      logUncaughtErrors(program.logger);
      lowestStatus = 1;
    });
  } catch (error) {
    const code = report(error, {
      isDebug: early.logLevel === "debug" || early.logLevel === "trace",
      command: known?.name,
      hide: (text) => redact(text, secrets),
    });
    const isRefusal = isAgentError(error) && !ownStatus.has(error.code) && code === 2;
    process.exitCode = (isRefusal ? known?.command.refusedStatus : undefined) ?? (process.exitCode || code);
  }
  await endOutputs();
  // A timer or socket that a plugin left open must not keep the process alive.
  exitProgram();
}

/** Errors whose exit status a command's `refusedStatus` does not change. */
const ownStatus: ReadonlySet<string> = new Set(["USAGE_INVALID", "STATE_UNSAFE"]);

function toExitMessage({ cause, call: thrown }: UnexpectedExit): string {
  return `${describeCaller(thrown)} ended the program: ${cause}`;
}

async function call(options: LoadProgramOptions, onLoad: (program: Program) => void): Promise<void> {
  const { argv, known } = options;
  const [word] = argv;
  if (word === undefined || wantsHelp(argv)) return help(options);
  if (known === undefined && word.startsWith("-")) {
    throw new AgentError(
      "USAGE_INVALID",
      `the command comes first, before "${word}" (as in: signalman run job.yaml ${word})`,
    );
  }
  process.exitCode = known?.command.initialStatus;
  const lendSdk = async () => {
    // Plugins from outside are loaded next.
    if (known?.command.reservesStdout) reserveStdout();
    openRuntimeStreams();
    await options.lendSdk();
  };
  const { program, command, name, plugin, args } = await loadProgram({ ...options, lendSdk });
  onLoad(program);
  if (plugin !== undefined) {
    allowExit();
    // Plugins may print with the streams of the runtime.
    openRuntimeStreams();
  }
  const { runCommand } = await import("citty");
  const context = { program, args: args as never };
  try {
    await runCommand({ meta: command.meta, run: () => command.run(context) }, { rawArgs: [] });
  } catch (error) {
    const isExternal = plugin !== undefined && !Object.hasOwn(options.builtIns.plugins, plugin);
    // An error of usage is the user's, not the plugin's; nor can it help that a job does not answer.
    if (!isExternal || isAgentError(error, "USAGE_INVALID") || isAgentError(error, "JOB_UNREACHABLE"))
      throw error;
    throw attributeError(error, { plugin, where: `command "${name}"` });
  }
}

/** Shows help for `--help`, `-h`, or an empty command line, which is an error. */
async function help(options: LoadProgramOptions): Promise<void> {
  const { argv } = options;
  const isFault = argv.length === 0;
  const [{ default: command }, { renderHelp }, { createLayout }, { showPage }] = await Promise.all([
    import("./commands/help.ts"),
    import("./help/render.ts"),
    import("./help/layout.ts"),
    import("./help/show.ts"),
  ]);
  const { program } = await loadProgram({
    ...options,
    argv: ["help"],
    known: toHelpOf(argv, command, options.builtIns),
  });
  const words = argv.slice(0, 2).filter((word) => !word.startsWith("-"));
  const name = findName(words, (known) => program.commands.has(known)) ?? words[0];
  const stream = isFault ? stderr() : stdout();
  const page = await renderHelp(program, name === undefined ? [] : name.split(" "), createLayout(stream));
  if (!isFault) return showPage(page);
  print(page.join("\n"), stream);
  process.exitCode = 2;
}

function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? undefined : end).some((word) => word === "--help" || word === "-h");
}
