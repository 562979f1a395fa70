import type Docker from "dockerode";
import { AgentError } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { type Keeper, type KeeperFault, openKeeper } from "./keeper.ts";
import type { PutBytes } from "./secret-file.ts";

/**
 * The keepers of a container, one at a time. A new keeper is started when the job has killed the last one,
 * and once after a time-out. After a second time-out or a flood, no further keeper is started. A silent
 * keeper stays connected until `close`, because it kills the job when its connection closes.
 */
export interface Keepers {
  current(): Promise<Keeper>;
  readonly put: PutBytes;
  /** No other process can continue the job: it ends when the connection of its keeper closes. */
  release(): Promise<void>;
  close(): void;
}

interface KeepersOptions {
  readonly shellPid: () => number;
  /**
   * Number of the job's process, after which another one may continue the job: keepers then end with their
   * connections, and the job does not. Left out: the job ends with its process.
   */
  readonly owner?: number | undefined;
}

export function createKeepers(
  engine: Engine,
  container: Docker.Container,
  { shellPid, owner }: KeepersOptions,
): Keepers {
  const before = owner === undefined ? 0 : (owner - 1) * numbersOfOwner;
  let isHeld = owner !== undefined;
  let keeper: Promise<Keeper> | undefined;
  const opened: Keeper[] = [];
  let isClosed = false;
  let silences = 0;
  /** Why no further keeper is started. */
  let distrust: AgentError | undefined;
  const onFault = (fault: KeeperFault, error: AgentError) => {
    if (fault === "silent") silences += 1;
    if (fault === "flooding" || silences > 1) distrust ??= error;
  };

  async function open(): Promise<Keeper> {
    const next = await openKeeper(engine, container, {
      number: before + opened.length + 1,
      isHeld,
      onFault,
    });
    opened.push(next);
    if (isClosed) next.close();
    if (shellPid() > 0) await next.watch(shellPid());
    return next;
  }

  async function current(): Promise<Keeper> {
    const known = await keeper?.catch(() => undefined);
    if (known?.alive) return known;
    if (isClosed) throw new AgentError("SESSION_FAILED", "the job's container is being removed");
    if (distrust) throw distrust;
    keeper = open();
    return keeper;
  }

  return {
    current,
    async release() {
      isHeld = false;
      for (const each of opened) if (each.alive) await each.release();
    },
    async put(path, bytes) {
      if (bytes.length > smallBytes) return putLarge(engine, container, path, bytes);
      try {
        await (await current()).write(path, bytes);
      } catch {
        await (await current()).write(path, bytes);
      }
    },
    close() {
      isClosed = true;
      for (const each of opened) each.close();
    },
  };
}

/** Numbers of keepers that each process of a job has. A number between them is left out. */
const numbersOfOwner = 1000;

/** Limit of a write by the keeper, whose shell reads byte by byte. */
const smallBytes = 16 * 1024;

/** Writes a large file with another exec in the container. */
async function putLarge(
  engine: Engine,
  container: Docker.Container,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const what = `write "${path}" in the job's container`;
  const exec = await engine.call(
    what,
    container.exec({
      // Arguments are visible to every user of the container.
      Cmd: ["sh", "-c", 'umask 022; read -r path; cat >"$path"'],
      AttachStdin: true,
      AttachStderr: true,
      User: "0",
    }),
  );
  const stream = await engine.call(what, exec.start({ hijack: true, stdin: true }));
  const ended = Promise.withResolvers<void>();
  for (const event of ["end", "close", "error"]) stream.once(event, () => ended.resolve());
  stream.resume();
  stream.end(Buffer.concat([Buffer.from(`${path}\n`), bytes]));
  await engine.call(what, ended.promise);
  const { ExitCode: code } = await engine.call(what, exec.inspect());
  if (code !== 0) throw new AgentError("SESSION_FAILED", `cannot ${what}: exit code ${code}`);
}
