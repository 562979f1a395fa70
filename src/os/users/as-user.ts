import { type Pointer, ptr } from "bun:ffi";
import type { JobUser } from "../../core/contracts/executor-options.ts";
import { AgentError } from "../../core/errors.ts";
import { openLibc } from "../processes/libc.ts";

/**
 * Calls `work` with the user's rights on files: new files belong to the user, and links to files of others
 * are useless. `work` must be synchronous, since the identity of this thread is changed. Without a user,
 * `work` runs with the agent's rights. A user requires an agent that runs as root. Throws `FILE_FAILED` when
 * the kernel refuses.
 */
export function asUser<T>(user: JobUser | undefined, work: () => T extends Promise<unknown> ? never : T): T {
  if (user === undefined) return work();
  const { setGroups, setFileUser } = loadIdentity();
  const own = {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
  };
  setGroups(user.groups);
  try {
    setFileUser(user);
    return work();
  } finally {
    setFileUser(own);
    setGroups(own.groups);
  }
}

interface Identity {
  setGroups(groups: readonly number[]): void;
  setFileUser(user: Pick<JobUser, "uid" | "gid">): void;
}

interface CallNumbers {
  readonly setgroups: number;
  readonly setfsuid: number;
  readonly setfsgid: number;
}

/** System calls by their numbers: the library's own `setgroups` changes all threads. */
const callNumbers: Partial<Record<NodeJS.Architecture, CallNumbers>> = {
  x64: { setgroups: 116, setfsuid: 122, setfsgid: 123 },
  arm64: { setgroups: 159, setfsuid: 151, setfsgid: 152 },
};

let loaded: Identity | undefined;

function loadIdentity(): Identity {
  loaded ??= openIdentity();
  return loaded;
}

function openIdentity(): Identity {
  const numbers = process.platform === "linux" ? callNumbers[process.arch] : undefined;
  const libc = openLibc({ syscall: { args: ["i64", "i64", "ptr"], returns: "i64" } });
  if (numbers !== undefined && libc !== undefined) {
    return toIdentity(numbers, (...call) => Number(libc.syscall(...call)));
  }
  throw new AgentError(
    "FILE_FAILED",
    'this system cannot change the user of a thread, which "shell-user" needs',
  );
}

type SystemCall = (number: number, value: number, list: Pointer | null) => number;

function toIdentity({ setgroups, setfsuid, setfsgid }: CallNumbers, call: SystemCall): Identity {
  const change = (number: number, id: number) => {
    call(number, id, null);
    // The call answers with the id before it; an invalid id changes nothing.
    if (call(number, -1, null) !== id)
      throw new AgentError("FILE_FAILED", `the kernel refused to use the rights of id ${id}`);
  };
  return {
    setGroups(groups) {
      const ids = Uint32Array.from(groups);
      if (call(setgroups, ids.length, ids.length === 0 ? null : ptr(ids)) !== 0)
        throw new AgentError("FILE_FAILED", `the kernel refused to use the groups ${groups.join(", ")}`);
    },
    setFileUser({ uid, gid }) {
      change(setfsgid, gid);
      change(setfsuid, uid);
    },
  };
}
