import type { Executor, ExecutorContext, ExecutorFactory } from "../core/contracts/executor.ts";
import type { ExecutorWrapper } from "../core/contracts/executor-wrapper.ts";
import type { Host } from "../core/contracts/host.ts";
import { executor, executorWrapper } from "../core/contracts/services.ts";
import { createPluginError, createSlowCallError, findOrigin, wrapService } from "../core/host/attribution.ts";
import { toDuration, withDeadline } from "../core/host/deadline.ts";
import { isAgentError } from "../core/errors.ts";
import { toHint } from "../core/text/nearest.ts";
import { toLine } from "../core/text/printable.ts";
import { assertCreated } from "./assert-created.ts";
import { executorMethods } from "./choose-executor.ts";
import { createWrapperError, type OpenCalls, readMembers, toMembers } from "./wrapper-members.ts";

export interface WrapOptions {
  readonly host: Pick<Host, "all">;
  /** Milliseconds after the grace period for which a wrapper's own stop and disposal are awaited. Default: 5 s. */
  readonly wrapperMs?: number | undefined;
}

/**
 * Creates the executor of a job, behind the wrappers of all plugins. Throws `PLUGIN_INVALID` with the name of a
 * plugin whose wrapper could not take effect, so that no job runs without its sandbox.
 */
export function createWrappedExecutor(
  { name, factory }: { readonly name: string; readonly factory: ExecutorFactory },
  context: ExecutorContext,
  options: WrapOptions,
): Executor {
  const wrappers = chooseWrappers(name, options.host);
  const prefixes = wrappers
    .map((wrapper) => ({ wrapper, words: readPrefix(wrapper, { name, factory, context }) }))
    .filter(({ words }) => words.length > 0);
  const commandPrefix = prefixes.flatMap(({ words }) => words);
  const created = factory.create({ ...context, ...(commandPrefix.length > 0 && { commandPrefix }) });
  const bare = assertCreated(created, factory, executorMethods);
  const inner = prefixes.length > 0 ? namePrefixes(bare, prefixes) : bare;
  try {
    return wrappers.reduceRight(
      (wrapped, wrapper) =>
        wrapper.wrap ? addLayer(wrapped, wrapper, { ...options, name, context }) : wrapped,
      inner,
    );
  } catch (error) {
    Promise.resolve(inner[Symbol.asyncDispose]()).catch(() => {});
    throw error;
  }
}

/** Throws `PLUGIN_INVALID` for a wrapper without effect, or of an executor that no plugin provides (`known`). */
export function assertWrapper(wrapper: ExecutorWrapper, known: readonly string[]): void {
  const { executors } = wrapper;
  if (!wrapper.commandPrefix && !wrapper.wrap)
    throw createWrapperError(
      wrapper,
      'has neither "commandPrefix" nor "wrap", so that jobs would run without it',
    );
  // A misspelt name beside a known one would leave its jobs without the wrapper.
  const unknown = executors?.find((each) => !known.includes(each));
  if (unknown !== undefined)
    throw createWrapperError(wrapper, `wraps an unknown executor: "${unknown}"${toHint(unknown, known)}`);
}

/** Whether a plugin wraps the executor. */
export function isWrapped(name: string, host: Pick<Host, "all">): boolean {
  return [...host.all(executorWrapper).values()].some(({ executors }) => executors?.includes(name) ?? true);
}

function chooseWrappers(name: string, host: Pick<Host, "all">): ExecutorWrapper[] {
  const known = [...host.all(executor).keys()];
  const wrappers = [...host.all(executorWrapper).values()];
  for (const wrapper of wrappers) assertWrapper(wrapper, known);
  return wrappers.filter(({ executors }) => executors?.includes(name) ?? true);
}

interface Wrapped {
  readonly name: string;
  readonly factory: ExecutorFactory;
  readonly context: ExecutorContext;
}

function readPrefix(wrapper: ExecutorWrapper, { name, factory, context }: Wrapped): readonly string[] {
  if (!wrapper.commandPrefix) return [];
  const words: unknown = wrapper.commandPrefix(context);
  if (!Array.isArray(words) || !words.every((word) => typeof word === "string"))
    throw createWrapperError(
      wrapper,
      `must return a list of words from commandPrefix, not ${Bun.inspect(words)}`,
    );
  if (words.length > 0 && factory.acceptsCommandPrefix !== true)
    throw createWrapperError(
      wrapper,
      `puts "${words.join(" ")}" in front of the job, which executor "${name}" does not apply: list the executors that do, such as "shell", in its "executors"`,
    );
  return words;
}

interface Prefix {
  readonly wrapper: ExecutorWrapper;
  readonly words: readonly string[];
}

/** A prefix that fails looks like a shell that does not start: the error names both. */
function namePrefixes(executor: Executor, prefixes: readonly Prefix[]): Executor {
  const behind = prefixes
    .map(({ wrapper, words }) => {
      const { plugin } = findOrigin(wrapper)!;
      return `the prefix "${toLine(words.join(" "), maxPrefixLength)}" of plugin "${plugin}"`;
    })
    .join(" and ");
  const start: Executor["start"] = async (signal) => {
    try {
      return await executor.start(signal);
    } catch (error) {
      if (signal.aborted || !isAgentError(error)) throw error;
      throw createPluginError(error.code, `behind ${behind}: ${error.message}`, error);
    }
  };
  const view: Executor = Object.create(executor, { start: { value: start } });
  return wrapService(view, findOrigin(executor)!, {});
}

const maxPrefixLength = 200;

/** Replaces members of an executor by those of the wrapper. */
function addLayer(
  inner: Executor,
  wrapper: ExecutorWrapper,
  { name, context, wrapperMs = 5_000 }: Omit<WrapOptions, "host"> & Omit<Wrapped, "factory">,
): Executor {
  const open: OpenCalls = new Map();
  const inherited = toMembers(inner, open);
  const own = readMembers(wrapper, { inherited, open }, wrapper.wrap!(inherited, context));
  const { stop } = own;
  const dispose = own[Symbol.asyncDispose] && (async () => own[Symbol.asyncDispose]!());
  const toLate = (method: string) =>
    createSlowCallError(wrapper, method, `${toDuration(wrapperMs)} after the grace period`);
  const limits = { wrapperMs, toLate };
  const end =
    dispose &&
    createEnding(dispose, async () => inner[Symbol.asyncDispose](), { ...limits, method: "asyncDispose" });
  const layer: Executor = {
    ...inherited,
    ...own,
    ...(stop && { stop: createEnding(stop, inherited.stop, { ...limits, method: "stop" }) }),
    ...(end && { [Symbol.asyncDispose]: () => end(context.options.stopGraceMs) }),
  };
  const { plugin, where } = findOrigin(wrapper)!;
  return wrapService(layer, { plugin, where: `${where} around executor "${name}"` }, {});
}

/**
 * Calls the wrapper's own method once and for a limited time, and then that of the executor, which ends what
 * the wrapper left running. A later call with a shorter grace period reaches the executor at once.
 */
function createEnding(
  own: (graceMs: number) => Promise<void>,
  inner: (graceMs: number) => Promise<void>,
  options: {
    readonly wrapperMs: number;
    readonly method: string;
    readonly toLate: (method: string) => Error;
  },
): (graceMs: number) => Promise<void> {
  const { wrapperMs, method, toLate } = options;
  let first: { readonly endsAt: number; readonly ended: Promise<void> } | undefined;
  async function begin(graceMs: number, endsAt: number): Promise<void> {
    try {
      await withDeadline(own(graceMs), graceMs + wrapperMs, () => toLate(method));
    } finally {
      await inner(Math.max(0, endsAt - performance.now()));
    }
  }
  return (graceMs) => {
    const endsAt = performance.now() + graceMs;
    if (first !== undefined) return endsAt < first.endsAt ? inner(graceMs) : first.ended;
    first = { endsAt, ended: begin(graceMs, endsAt) };
    return first.ended;
  };
}
