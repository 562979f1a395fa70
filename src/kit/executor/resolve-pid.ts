import { readFileSync } from "node:fs";
import { listDescendants } from "../usage/descendants.ts";

/**
 * Finds the descendant of `ancestor` whose pid, in its own pid namespace, is `reported`. The report comes
 * from a job and is not trusted: only a descendant is ever returned.
 */
export function resolvePid(ancestor: number, reported: number): number | undefined {
  return listDescendants(ancestor)
    .map(({ pid }) => pid)
    .find((pid) => readInnermostPid(pid) === reported);
}

function readInnermostPid(pid: number): number | undefined {
  try {
    const pids = /^NSpid:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return pids === undefined ? pid : Number(pids.split("\t").at(-1));
  } catch {
    return undefined;
  }
}
