import { type JobSourceContext, type StopReason, toMessage } from "signalman";

/** Announces a slot's changes to hooks without waiting for slow listeners. */
export interface Announcements {
  registered(name: string): void;
  /** Announces the first reason only. */
  draining(reason: StopReason): void;
  /** Makes `settled` wait for this work too. It must not reject. */
  add(work: Promise<void> | undefined): void;
  /** Resolves when all announcements have been delivered. */
  settled(): Promise<void>;
}

export function createAnnouncements(
  context: Pick<JobSourceContext, "registered" | "draining" | "logger">,
  endpoint: string,
): Announcements {
  let pending: Promise<void> = Promise.resolve();
  let isDraining = false;
  const add = (work: Promise<void> | undefined): void => {
    pending = pending.then(() => work);
  };
  const announce = (call: () => Promise<void>): void =>
    add(call().catch((error: unknown) => context.logger.error(toMessage(error))));
  return {
    registered: (name) => announce(() => context.registered(name, endpoint)),
    draining(reason) {
      if (!isDraining) announce(() => context.draining(reason));
      isDraining = true;
    },
    add,
    settled: () => pending,
  };
}
