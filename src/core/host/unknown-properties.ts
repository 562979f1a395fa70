import { toHint } from "../text/nearest.ts";
import { versionNote } from "./plugin-version.ts";

/** Notes the unknown properties that a plugin reads, so that the TypeError which follows can be explained. */
export interface UnknownProperties {
  /** Returns the explanation of an error by an unknown property, or an empty text. */
  explain(thrown: unknown): string;
}

/** Reading a known property costs nothing, and a plugin may test for one of a later version: `ctx.tracing?.begin()`. */
export function noteUnknownProperties(target: object, name: string): UnknownProperties {
  const unknown = new Set<string>();
  const known = Object.keys(target);
  const prototype = new Proxy(Object.prototype, {
    get(own, key, receiver) {
      if (typeof key === "string" && !(key in own) && unknown.size < maxNoted) unknown.add(key);
      return Reflect.get(own, key, receiver) as unknown;
    },
  });
  Object.setPrototypeOf(target, prototype);
  return {
    explain(thrown) {
      if (!(thrown instanceof TypeError)) return "";
      const words = new Set(thrown.message.match(/[\w$]+/g));
      const key = [...unknown].find((each) => words.has(each));
      return key === undefined ? "" : ` ("${name}" has no "${key}"${toHint(key, known)}${versionNote})`;
    },
  };
}

const maxNoted = 100;
