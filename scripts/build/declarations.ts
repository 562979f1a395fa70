import { builtInCommands, builtInExecutors, builtIns } from "../../plugins/index.ts";
import { describeBuiltIns } from "../../src/cli/completion/built-in.ts";
import type { Declarations } from "../../src/cli/completion/declarations.ts";

/** Collects commands and flags, which completion would otherwise load all modules for. */
export function collectDeclarations(): Promise<Declarations> {
  return describeBuiltIns({ plugins: builtIns, commands: builtInCommands, executors: builtInExecutors });
}
