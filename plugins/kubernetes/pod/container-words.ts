import type { JobContainer } from "signalman";
import type { Container, PodSpec, SecurityContext } from "../client/objects.ts";

/** A container's `entrypoint` and `command` in the words of Kubernetes: `command` and `args`. */
export function toCommand({ command, entrypoint }: JobContainer): { command?: string[]; args?: string[] } {
  return {
    ...(entrypoint !== "" && { command: splitWords(entrypoint) }),
    ...(command !== "" && { args: splitWords(command) }),
  };
}

/**
 * A container's `user`: `uid` or `uid:gid`. A user or group that the operator's container or pod sets
 * replaces it as a whole. Throws for a name, which only the image could tell the number of.
 */
export function toSecurityContext(
  container: JobContainer,
  given: Container,
  pod: PodSpec,
): Pick<Container, "securityContext"> {
  const { name, user } = container;
  if (user === "" || setsUser(given.securityContext) || setsUser(pod.securityContext)) return {};
  const match = /^(\d+)(?::(\d+))?$/.exec(user);
  if (!match)
    throw new Error(
      `container '${name}': user '${user}' is not a number; Kubernetes takes a numeric user id, such as '1000' or '1000:1000'`,
    );
  const [, uid, gid] = match;
  return {
    securityContext: {
      ...given.securityContext,
      runAsUser: Number(uid),
      ...(gid !== undefined && { runAsGroup: Number(gid) }),
    },
  };
}

function setsUser(context: SecurityContext = {}): boolean {
  return (context?.runAsUser ?? context?.runAsGroup) != null;
}

/** Splits a command line into words as a shell does, without expanding anything: quotes of both kinds and backslashes. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  const pattern = /\s+|'([^']*)'|"((?:\\[^]|[^"\\])*)"|\\([^])|([^\s'"\\]+)|(['"\\])/g;
  for (const [all, single, double, escaped, plain, stray] of text.matchAll(pattern)) {
    if (stray !== undefined) throw new Error(`the command line "${text}" has an unfinished ${stray}`);
    const part = single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? "") + part;
    else if (/^\s/.test(all) && word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}
