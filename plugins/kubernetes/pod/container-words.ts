import type { JobContainer } from "signalman";
import type { Container, PodSpec, SecurityContext } from "../client/objects.ts";

/** Converts a container's `entrypoint` and `command` to `command` and `args` of Kubernetes. */
export function toCommand({ command, entrypoint }: JobContainer): { command?: string[]; args?: string[] } {
  return {
    ...(entrypoint !== "" && { command: splitWords(entrypoint) }),
    ...(command !== "" && { args: splitWords(command) }),
  };
}

/**
 * Converts a container's `user`: `uid` or `uid:gid`. It is ignored when the pod spec sets a user or group.
 * Throws for a name, since only the image knows its number.
 */
export function toSecurityContext(
  container: JobContainer,
  base: Container,
  pod: PodSpec,
): Pick<Container, "securityContext"> {
  const { name, user } = container;
  if (user === "" || setsUser(base.securityContext) || setsUser(pod.securityContext)) return {};
  const match = /^(\d+)(?::(\d+))?$/.exec(user);
  if (!match)
    throw new Error(
      `container '${name}': user '${user}' is not a number; Kubernetes requires a numeric user id, such as '1000' or '1000:1000'`,
    );
  const [, uid, gid] = match;
  return {
    securityContext: {
      ...base.securityContext,
      runAsUser: Number(uid),
      ...(gid !== undefined && { runAsGroup: Number(gid) }),
    },
  };
}

function setsUser(context: SecurityContext = {}): boolean {
  return (context?.runAsUser ?? context?.runAsGroup) != null;
}

/** Splits a command line into words as a shell does, with quotes and backslashes and without expansion. */
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
