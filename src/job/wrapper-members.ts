import type { Executor } from "../core/contracts/executor.ts";
import type { ExecutorWrapper } from "../core/contracts/executor-wrapper.ts";
import type { SideSession } from "../core/contracts/side-session.ts";
import { createPluginError, findOrigin, wrapService } from "../core/host/attribution.ts";
import { toHint } from "../core/text/nearest.ts";

const codeMembers = ["start", "exportEnvironment", "injectFiles", "run"] as const;
const methods = [...codeMembers, "stop", "openSession", "usage", "putAnswer"] as const;

/** Returns the members of an executor as an object that a plugin can spread. */
export function toMembers(executor: Executor): Executor {
  return {
    start: (signal) => executor.start(signal),
    exportEnvironment: (env, output, options) => executor.exportEnvironment(env, output, options),
    injectFiles: (files, output) => executor.injectFiles(files, output),
    run: (directive, output, options) => executor.run(directive, output, options),
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
  inherited: Executor,
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
      if (codeMembers.some((each) => each === member) && typeof result !== "number")
        throw createWrapperError(
          wrapper,
          `must return an exit code from ${String(member)}, not ${Bun.inspect(result)}`,
        );
      return result;
    };
  }
  return own as Partial<Executor>;
}

export function createWrapperError(wrapper: ExecutorWrapper, fault: string): Error {
  const { plugin, where } = findOrigin(wrapper)!;
  return createPluginError("PLUGIN_INVALID", `plugin "${plugin}": ${where} ${fault}`);
}
