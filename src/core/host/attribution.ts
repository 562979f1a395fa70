import type { ServiceOptions } from "../contracts/services.ts";
import { AgentError, type ErrorCode, isAgentError, toMessage } from "../errors.ts";
import { findPlace } from "./plugin-source.ts";

/** The code that an error came from: the plugin, and the place (`job:prepare`, `executor "shell"`). */
export interface ErrorOrigin {
  readonly plugin: string;
  readonly where: string;
}

/**
 * Returns the error to throw in place of `thrown`; its message names the plugin and the place in its source.
 *
 * An {@link AgentError} keeps its code, everything else becomes `PLUGIN_FAILED`; `thrown` becomes the cause.
 * `note` is added to the message. Returned unchanged: errors that name a plugin already, refusals of a job (the
 * message is shown to the job's user), and the reason of an abort.
 */
export function attributeError(
  thrown: unknown,
  { plugin, where, note = "" }: ErrorOrigin & { readonly note?: string },
  args: readonly unknown[] = [],
): unknown {
  if (isAgentError(thrown) && (attributed.has(thrown) || thrown.code === "JOB_REFUSED")) return thrown;
  if (isAbortReason(thrown, args)) return thrown;
  const code = isAgentError(thrown) ? thrown.code : "PLUGIN_FAILED";
  if (isAgentError(thrown) && expectedCodes.has(thrown.code)) {
    return createPluginError(thrown.code, `plugin "${plugin}": ${thrown.message}${note}`, thrown);
  }
  const place = findPlace(thrown)?.place;
  const at = place === undefined ? where : `${where} (${place})`;
  return createPluginError(code, `plugin "${plugin}" failed in ${at}: ${toMessage(thrown)}${note}`, thrown);
}

/** Failures of the configuration or of another host: the place in the plugin's source would suggest a defect of it. */
const expectedCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["CONFIG_INVALID", "CONTROL_PLANE_FAILED"]);

/** Creates an error about a plugin, whose message names it already. */
export function createPluginError(code: ErrorCode, message: string, cause?: unknown): AgentError {
  const error = new AgentError(code, message, { cause });
  attributed.add(error);
  return error;
}

/** Creates the error about a method of a service that exceeded its limit. `limit`: `10 s after the stop`. */
export function createSlowCallError(service: object, method: string, limit: string): AgentError {
  const { plugin, where } = findOrigin(service) ?? { plugin: "unknown", where: "a service" };
  const message = `plugin "${plugin}" did not return from ${where}.${method} within ${limit}`;
  return createPluginError("PLUGIN_SLOW", message);
}

/** Calls a function of a plugin, which {@link describeCaller} names until it returns. */
export function callFor(origin: ErrorOrigin, fn: Method, target: unknown, args: unknown[]): unknown {
  const caller = running;
  running = origin;
  try {
    return Reflect.apply(fn, target, args);
  } finally {
    running = caller;
  }
}

/** Describes the plugin code of a call of `process.exit`, from its stack or the method that runs now. */
export function describeCaller(call: Error | undefined): string {
  const found = findPlace(call);
  if (found) return `plugin "${found.plugin}" (${found.place})`;
  // The engine removes the caller of a tail call from the stack: `run: () => process.exit(0)`.
  return call && running ? `plugin "${running.plugin}" in ${running.where}` : "a plugin";
}

/** Returns the plugin that provides a service or created an object of it. */
export function findOrigin(view: object): ErrorOrigin | undefined {
  return origins.get(view);
}

/**
 * Returns a view of a service. Errors of the listed methods and of its disposal name the plugin. Methods run
 * on the target itself, so that private fields work. Objects that `factories` return are wrapped as well; the
 * same object always gets the same view.
 */
export function wrapService<T extends object>(
  target: T,
  origin: ErrorOrigin,
  { methods = [], optional = [], factories = {} }: ServiceOptions<Record<string, unknown>>,
): T {
  const view: T = Object.create(target);
  origins.set(view, origin);
  const define = (key: PropertyKey, value: unknown) => Object.defineProperty(view, key, { value });
  for (const key of [...methods, ...optional, ...disposal]) {
    const method: unknown = Reflect.get(target, key);
    if (typeof method === "function") define(key, wrapMethod(target, method as Method, origin, key));
  }
  const views = new WeakMap<object, object>();
  for (const [key, created] of Object.entries(factories)) {
    const wrapCreated = (object: unknown): unknown => {
      if (typeof object !== "object" || object === null) return object;
      if (!views.has(object)) views.set(object, wrapService(object, origin, { optional: created ?? [] }));
      return views.get(object);
    };
    const factory = wrapMethod(target, Reflect.get(target, key) as Method, origin, key);
    define(key, (...args: unknown[]) => {
      const object = factory(...args);
      return object instanceof Promise ? object.then(wrapCreated) : wrapCreated(object);
    });
  }
  forwardAccessors(target, view);
  return view;
}

type Method = (...args: unknown[]) => unknown;

const disposal = [Symbol.dispose, Symbol.asyncDispose];

function wrapMethod(
  target: object,
  method: Method,
  { plugin, where }: ErrorOrigin,
  key: PropertyKey,
): Method {
  const origin = { plugin, where: `${where}.${toName(key)}` };
  return (...args) => {
    try {
      const result = callFor(origin, method, target, args);
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => {
        throw attributeError(error, origin, args);
      });
    } catch (error) {
      throw attributeError(error, origin, args);
    }
  };
}

/** The method that is being called, until it returns: a promise that it returned is not awaited. */
let running: ErrorOrigin | undefined;

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

const attributed = new WeakSet<AgentError>();
const origins = new WeakMap<object, ErrorOrigin>();

function isAbortReason(thrown: unknown, args: readonly unknown[]): boolean {
  if (thrown instanceof Error && thrown.name === "AbortError") return true;
  if (isAgentError(thrown, "JOB_STOPPED")) return true;
  return args.some((arg) => arg instanceof AbortSignal && arg.aborted && arg.reason === thrown);
}

function toName(key: PropertyKey): string {
  return typeof key === "symbol" ? (key.description ?? "symbol").replace(/^Symbol\./, "") : String(key);
}
