import type { ServiceOptions } from "../contracts/services.ts";
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

/** The methods of an object that {@link guardObject} wraps: those of a service, or of an object that a service made. */
export type GuardedMethods = Pick<
  ServiceOptions<Record<string, unknown>>,
  "methods" | "optional" | "factories"
>;

/**
 * Returns a view of `target` whose listed methods, and its disposal, name the plugin when they throw or reject. They run on the
 * target itself, so private fields work. Objects that `factories` return are guarded as well, each with one identity.
 */
export function guardObject<T extends object>(target: T, guard: Guard, guarded: GuardedMethods): T {
  const view: T = Object.create(target);
  const define = (key: PropertyKey, value: unknown) => Object.defineProperty(view, key, { value });
  for (const key of [...(guarded.methods ?? []), ...(guarded.optional ?? []), ...disposal]) {
    const method: unknown = Reflect.get(target, key);
    if (typeof method === "function") define(key, guardMethod(target, method as Method, guard, key));
  }
  const views = new WeakMap<object, object>();
  for (const [key, methods] of Object.entries(guarded.factories ?? {})) {
    const guardMade = (made: unknown): unknown => {
      if (typeof made !== "object" || made === null) return made;
      if (!views.has(made)) views.set(made, guardObject(made, guard, { optional: methods ?? [] }));
      return views.get(made);
    };
    const factory = guardMethod(target, Reflect.get(target, key) as Method, guard, key);
    define(key, (...args: unknown[]) => {
      const made = factory(...args);
      return made instanceof Promise ? made.then(guardMade) : guardMade(made);
    });
  }
  forwardAccessors(target, view);
  return view;
}

type Method = (...args: unknown[]) => unknown;

const disposal = [Symbol.dispose, Symbol.asyncDispose];

function guardMethod(target: object, method: Method, guard: Guard, key: PropertyKey): Method {
  const place = { plugin: guard.plugin, where: `${guard.where}.${toName(key)}` };
  return (...args) => run(() => Reflect.apply(method, target, args), place, args);
}

/** Getters and setters run on the target: on the view they could not reach private fields. */
function forwardAccessors(target: object, view: object): void {
  for (let owner = target; owner && owner !== Object.prototype; owner = Reflect.getPrototypeOf(owner)!) {
    for (const [key, { get, set }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (!(get ?? set) || Object.hasOwn(view, key)) continue;
      Object.defineProperty(view, key, {
        get: () => Reflect.get(target, key, target),
        set(value) {
          Reflect.set(target, key, value, target);
        },
      });
    }
  }
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
