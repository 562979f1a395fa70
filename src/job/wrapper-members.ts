import type { Executor } from "../core/contracts/executor.ts";
import type { ExecutorWrapper } from "../core/contracts/executor-wrapper.ts";
import type { SideSession } from "../core/contracts/side-session.ts";
import { createPluginError, findOrigin, wrapService } from "../core/host/attribution.ts";
import { toHint } from "../core/text/nearest.ts";

const codeMembers = ["start", "exportEnvironment", "injectFiles", "run"] as const;
const methods = [...codeMembers, "stop", "openSession", "usage", "putAnswer"] as const;

/** The calls of an executor that a wrapper has made and that have not ended, each with its member. */
export type OpenCalls = Map<Promise<number>, (typeof codeMembers)[number]>;

/** Returns the members of an executor as an object that a plugin can spread. Calls of them are noted in `open`. */
export function toMembers(executor: Executor, open: OpenCalls): Executor {
  const note = (member: (typeof codeMembers)[number], result: Promise<number>): Promise<number> => {
    // The wrapper awaits the noted promise, so that its call is over before the wrapper continues.
    const call = Promise.resolve(result).finally(() => open.delete(call));
    open.set(call, member);
    return call;
  };
  return {
    start: (signal) => note("start", executor.start(signal)),
    exportEnvironment: (env, output, options) =>
      note("exportEnvironment", executor.exportEnvironment(env, output, options)),
    injectFiles: (files, output) => note("injectFiles", executor.injectFiles(files, output)),
    run: (directive, output, options) => note("run", executor.run(directive, output, options)),
    stop: (graceMs) => executor.stop(graceMs),
    ...(executor.openSession && { openSession: (options) => executor.openSession!(options) }),
    ...(executor.usage && { usage: () => executor.usage!() }),
    ...(executor.putAnswer && { putAnswer: (name, content) => executor.putAnswer!(name, content) }),
    [Symbol.asyncDispose]: async () => executor[Symbol.asyncDispose](),
  };
}

/**
 * Reads the members that a wrapper has returned, without those that it inherits. Their errors name its plugin.
 * Throws `PLUGIN_INVALID` for anything else.
 */
export function readMembers(
  wrapper: ExecutorWrapper,
  { inherited, open }: { readonly inherited: Executor; readonly open: OpenCalls },
  returned: unknown,
): Partial<Executor> {
  if (typeof returned !== "object" || returned === null || returned instanceof Promise)
    throw createWrapperError(
      wrapper,
      `must return the members that it replaces from wrap, not ${Bun.inspect(returned)}`,
    );
  const unknown = Object.keys(returned).find((key) => !(methods as readonly string[]).includes(key));
  if (unknown !== undefined)
    throw createWrapperError(
      wrapper,
      `replaces "${unknown}", which no executor has${toHint(unknown, methods)}`,
    );
  const view = wrapService(returned, findOrigin(wrapper)!, { optional: [...methods] });
  const own: Partial<Record<keyof Executor, unknown>> = {};
  for (const member of [...methods, Symbol.asyncDispose] as const) {
    const given: unknown = Reflect.get(returned, member);
    if (given === undefined || given === inherited[member]) continue;
    if (typeof given !== "function")
      throw createWrapperError(
        wrapper,
        `replaces "${String(member)}" by ${Bun.inspect(given)}, not by a function`,
      );
    const method = Reflect.get(view, member) as (...args: unknown[]) => unknown;
    own[member] = async (...args: unknown[]) => {
      const result = await method(...args);
      if (member === "openSession" && typeof (result as Partial<SideSession> | undefined)?.run !== "function")
        throw createWrapperError(
          wrapper,
          `must return a session from openSession, not ${Bun.inspect(result)}`,
        );
      if (!codeMembers.some((each) => each === member)) return result;
      if (open.size > 0) await failUnended(wrapper, String(member), open);
      if (typeof result !== "number")
        throw createWrapperError(
          wrapper,
          `must return an exit code from ${String(member)}, not ${Bun.inspect(result)}`,
        );
      return result;
    };
  }
  return own as Partial<Executor>;
}

/** Without the executor's exit code, a failed command would count as passed. Its output ends before this throws. */
async function failUnended(wrapper: ExecutorWrapper, member: string, open: OpenCalls): Promise<never> {
  const [unended] = open.values();
  await Promise.allSettled(open.keys());
  throw createWrapperError(
    wrapper,
    `returned from ${member} before the executor's ${unended!} had ended: await it, and return its exit code`,
  );
}

export function createWrapperError(wrapper: ExecutorWrapper, fault: string): Error {
  const { plugin, where } = findOrigin(wrapper)!;
  return createPluginError("PLUGIN_INVALID", `plugin "${plugin}": ${where} ${fault}`);
}
