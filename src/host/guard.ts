import { AgentError, isAgentError, toMessage } from "../errors.ts";

/** Who is to be named when the guarded code throws, and where it was: `job:prepare`, `executor "shell"`. */
export interface Guard {
  readonly plugin: string;
  readonly where: string;
}

/**
 * What to throw in place of `thrown`, so that it names the plugin.
 *
 * An {@link AgentError} keeps its code, everything else becomes `PLUGIN_FAILED`; the cause is kept. Unchanged pass: what names a
 * plugin already, a refusal of a job (its message is for the job's user), and the reasons of an abort.
 */
export function blame(thrown: unknown, { plugin, where }: Guard, args: readonly unknown[] = []): unknown {
  if (isAgentError(thrown) && (blamed.has(thrown) || thrown.code === "JOB_REFUSED")) return thrown;
  if (isAbortReason(thrown, args)) return thrown;
  const code = isAgentError(thrown) ? thrown.code : "PLUGIN_FAILED";
  const error = new AgentError(code, `plugin "${plugin}" failed in ${where}: ${toMessage(thrown)}`, {
    cause: thrown,
  });
  blamed.add(error);
  return error;
}

/** The same function, whose throws and rejections name the plugin. */
export function guardFunction<A extends unknown[], R>(
  fn: (...args: A) => R,
  guard: Guard,
): (...args: A) => R {
  return (...args) => run(() => fn(...args), guard, args);
}

/**
 * A view of `target` in which each method names the plugin when it throws or rejects, symbols such as `Symbol.asyncDispose`
 * included. Methods run on the target itself, so private fields work; each keeps one identity. What the methods
 * in `factories` return is seen the same way.
 */
export function guardObject<T extends object>(target: T, guard: Guard, factories: readonly string[] = []): T {
  const methods = new Map<PropertyKey, { readonly original: unknown; readonly guarded: unknown }>();
  const made = new WeakMap<object, object>();

  const guardMade = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (!made.has(value)) made.set(value, guardObject(value, guard));
    return made.get(value);
  };

  const guardMethod = (key: PropertyKey, original: (...args: unknown[]) => unknown): unknown => {
    const known = methods.get(key);
    if (known?.original === original) return known.guarded;
    const place = { plugin: guard.plugin, where: `${guard.where}.${toName(key)}` };
    const makes = typeof key === "string" && factories.includes(key);
    const guarded = (...args: unknown[]): unknown => {
      const result = run(() => Reflect.apply(original, target, args), place, args);
      if (!makes) return result;
      return result instanceof Promise ? result.then(guardMade) : guardMade(result);
    };
    methods.set(key, { original, guarded });
    return guarded;
  };

  // An empty stand-in is proxied: a frozen target could not be seen in another way than it is.
  const standIn = typeof target === "function" ? () => {} : Object.create(Reflect.getPrototypeOf(target));
  return new Proxy(standIn as T, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" && key !== "constructor"
        ? guardMethod(key, value as (...args: unknown[]) => unknown)
        : value;
    },
    apply(_, self, args) {
      return run(() => Reflect.apply(target as (...args: unknown[]) => unknown, self, args), guard, args);
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
    has: (_, key) => Reflect.has(target, key),
    ownKeys: () => Reflect.ownKeys(target),
    getOwnPropertyDescriptor(_, key) {
      const descriptor = Reflect.getOwnPropertyDescriptor(target, key);
      return descriptor && { ...descriptor, configurable: true };
    },
  });
}

const blamed = new WeakSet<AgentError>();

function run<R>(work: () => R, guard: Guard, args: readonly unknown[]): R {
  try {
    const result = work();
    if (!(result instanceof Promise)) return result;
    return result.catch((error: unknown) => {
      throw blame(error, guard, args);
    }) as R;
  } catch (error) {
    throw blame(error, guard, args);
  }
}

function isAbortReason(thrown: unknown, args: readonly unknown[]): boolean {
  if (thrown instanceof Error && thrown.name === "AbortError") return true;
  return args.some((arg) => arg instanceof AbortSignal && arg.aborted && arg.reason === thrown);
}

function toName(key: PropertyKey): string {
  return typeof key === "symbol" ? (key.description ?? "symbol").replace(/^Symbol\./, "") : String(key);
}
