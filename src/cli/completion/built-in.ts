import { coreOptions } from "../../agent/options/index.ts";
import { declareOptions } from "../../core/config/flags.ts";
import { collectCommands, type BuiltIns } from "../program/find-command.ts";
import { errorCodes } from "../../core/error-codes.ts";
import { hookTable } from "../../core/contracts/hooks.ts";
import type { DeclaredOptions } from "../../core/contracts/options.ts";
import { loadPages } from "../help/pages.ts";
import type { HelpWord } from "../help/words.ts";
import { type Declarations, describeProgram } from "./declarations.ts";

export interface DescribedBuiltIns extends BuiltIns {
  /** Names of the executors that the plugins provide. */
  readonly executors: readonly string[];
}

/** Describes what is built in, by loading all of it. */
export async function describeBuiltIns({
  plugins,
  executors,
  schemas,
}: DescribedBuiltIns): Promise<Declarations> {
  const loaded = await Promise.all(
    Object.values(plugins).map(async (load) => {
      const { default: plugin } = await load();
      return { plugin, origin: { kind: "built-in" } as const };
    }),
  );
  const declared = await declareOptions([coreOptions, ...loaded.map(({ plugin }) => plugin)], schemas);
  return describeProgram({
    commands: collectCommands(loaded),
    declared,
    executors,
    pages: await listPages(declared),
  });
}

async function listPages(declared: readonly DeclaredOptions[]): Promise<Declarations["pages"]> {
  const second: Readonly<Record<HelpWord, readonly string[]>> = {
    options: declared.flatMap(({ options }) => options.map(({ key }) => key)),
    topics: [...(await loadPages()).keys()],
    hooks: Object.keys(hookTable),
    errors: Object.keys(errorCodes),
  };
  return second;
}
