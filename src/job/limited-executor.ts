import type { Executor } from "../core/contracts/executor.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { SideSession, SideSessionOptions } from "../core/contracts/side-session.ts";
import { toMessage } from "../core/errors.ts";
import { createSlowCallError } from "../core/host/attribution.ts";
import { toDuration } from "../core/host/deadline.ts";

export interface ExecutorLimits {
  /** Milliseconds from the stop or the disposal to SIGKILL (`stop-grace-period`). */
  readonly stopGraceMs: number;
  /** Milliseconds after the grace period for which a call is awaited; a disposal is reported then. Default: 10 s. */
  readonly callMs?: number | undefined;
  /** Milliseconds after the grace period for which the disposal is awaited. Default: 30 s. */
  readonly disposalMs?: number | undefined;
}

/**
 * Returns a view of an executor whose calls end. While the job runs they are awaited without a limit. After a
 * stop or at the disposal the executor has the grace period and the time of `limits`; then a call resolves to
 * 1, and the agent's log names the plugin.
 */
export function limitExecutor(executor: Executor, logger: Logger, limits: ExecutorLimits): Executor {
  const { stopGraceMs, callMs = 10_000, disposalMs = 30_000 } = limits;
  const calls = createLimit(callMs);
  const disposal = createLimit(disposalMs);
  const report = (method: string, limitMs: number) => {
    const limit = `${toDuration(limitMs)} after the grace period`;
    logger.error(toMessage(createSlowCallError(executor, method, limit)));
  };
  const end = (graceMs: number) => {
    calls.start(graceMs);
    disposal.start(graceMs);
  };
  const wait: Wait = async (method, call) => {
    call.catch(() => {});
    const code = await calls.within(call);
    if (code !== isOver) return code ?? 0;
    report(method, callMs);
    return 1;
  };
  const openSession = async (options: SideSessionOptions): Promise<SideSession> => {
    const opening = executor.openSession!(options);
    const session = await calls.within(opening);
    if (session !== isOver) return limitSession(session, wait);
    // One that opens late has no owner.
    opening.then((late) => late[Symbol.asyncDispose]()).catch(() => {});
    throw createSlowCallError(executor, "openSession", `${toDuration(callMs)} after the grace period`);
  };
  return {
    start: (signal) => wait("start", executor.start(signal)),
    exportEnvironment: (env, output, options) =>
      wait("exportEnvironment", executor.exportEnvironment(env, output, options)),
    injectFiles: (files, output) => wait("injectFiles", executor.injectFiles(files, output)),
    run: (directive, output, options) => wait("run", executor.run(directive, output, options)),
    async stop(graceMs) {
      end(graceMs);
      await wait("stop", executor.stop(graceMs));
    },
    ...(executor.openSession && { openSession }),
    ...(executor.usage && { usage: () => executor.usage!() }),
    async [Symbol.asyncDispose]() {
      end(stopGraceMs);
      const work = (async () => executor[Symbol.asyncDispose]())();
      const isLate = calls.within(work.catch(() => {}));
      void isLate.then((end) => end === isOver && report("asyncDispose", callMs));
      await disposal.within(work);
      calls.clear();
      disposal.clear();
    },
  };
}

type Wait = (method: keyof Executor & string, call: Promise<number | void>) => Promise<number>;

/** Returns a view of a session, since an object of a plugin need not be spreadable. */
function limitSession(session: SideSession, wait: Wait): SideSession {
  return {
    ended: session.ended,
    run: (directive, output) => wait("openSession", session.run(directive, output)),
    write: (input) => session.write(input),
    resize: (size) => session.resize(size),
    async [Symbol.asyncDispose]() {
      await wait("openSession", Promise.resolve(session[Symbol.asyncDispose]()));
    },
  };
}

const isOver = Symbol("the time limit has passed");

/** A time limit that passes `extraMs` after a grace period; a shorter grace period replaces a longer one. */
function createLimit(extraMs: number) {
  const waiting = new Set<(end: typeof isOver) => void>();
  let hasPassed = false;
  let timer: NodeJS.Timeout | undefined;
  let endsAt = Number.POSITIVE_INFINITY;
  const pass = () => {
    hasPassed = true;
    for (const resolve of waiting) resolve(isOver);
  };
  return {
    /**
     * Resolves to what `call` resolves to, or to `isOver` when the limit passes first. Keeps nothing of a
     * call that has ended.
     */
    async within<T>(call: Promise<T>): Promise<T | typeof isOver> {
      const { promise, resolve } = Promise.withResolvers<typeof isOver>();
      if (hasPassed) resolve(isOver);
      else waiting.add(resolve);
      try {
        return await Promise.race([call, promise]);
      } finally {
        waiting.delete(resolve);
      }
    },
    start(graceMs: number) {
      const at = performance.now() + graceMs + extraMs;
      if (at >= endsAt) return;
      endsAt = at;
      clearTimeout(timer);
      timer = setTimeout(pass, graceMs + extraMs);
    },
    clear: () => clearTimeout(timer),
  };
}
