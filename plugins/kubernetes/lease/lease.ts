import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, toMessage } from "signalman";
import { isApiError } from "../client/api-error.ts";
import { type Holder, type Lease, type LeaseCalls, machineAnnotation } from "./lease-object.ts";

/** Another agent may take a lease that was not renewed for this time. */
export const durationMs = 60_000;

/** Times in milliseconds. */
export interface LeaseTiming {
  /**
   * The holder acts no longer than this after its last renewal was sent. The rest of the duration is for clocks of
   * another speed, and for the end of its processes.
   */
  readonly validMs: number;
  readonly renewMs: number;
  readonly retryMs: number;
  readonly pollMs: number;
}

const defaults: LeaseTiming = { validMs: 45_000, renewMs: 10_000, retryMs: 2000, pollMs: 1000 };

export interface LeaseOptions {
  readonly calls: LeaseCalls;
  readonly holder: Holder;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** For tests. */
  readonly timing?: LeaseTiming;
}

/** A lease, and how long it may be used: milliseconds of `performance.now()`. */
export interface HeldLease {
  readonly lease: Lease;
  readonly until: number;
}

/**
 * Takes the lease of a state directory: at once when it is free, or when its holder had the same file system under the
 * same kernel, since this agent has the lock of the directory and that one is dead. Otherwise its holder may still run,
 * and must not have renewed it for the lease's duration, on this agent's own clock. Rejects with the signal, and when
 * the role does not allow to use Leases.
 */
export async function acquireLease(options: LeaseOptions): Promise<HeldLease> {
  const { calls, holder, logger, signal, timing: { validMs, pollMs } = defaults } = options;
  let seen: { readonly state: string; readonly at: number } | undefined;
  let told: string | undefined;
  const tell = (line: string, kind = line) => {
    if (kind !== told) logger.warn(line);
    told = kind;
  };
  for (; ; await sleep(pollMs, undefined, { signal })) {
    try {
      const sentAt = performance.now();
      const lease = await calls.read();
      const { holderIdentity = "", renewTime = "", leaseDurationSeconds = 60 } = lease?.spec ?? {};
      const now = performance.now();
      const state = `${holderIdentity} ${renewTime}`;
      if (seen?.state !== state) seen = { state, at: now };
      const isDead = lease?.metadata.annotations?.[machineAnnotation] === holder.machine;
      if (!holderIdentity || isDead || now - seen.at >= leaseDurationSeconds * 1000)
        return { lease: await calls.write(holder, lease), until: sentAt + validMs };
      tell(
        `"${holderIdentity}" holds the lease of the state directory; waiting until it has not renewed it for ${leaseDurationSeconds} s`,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (isForbidden(error)) throw error;
      if (!isApiError(error, 409))
        // Once for an outage, whose errors change.
        tell(`the lease of the state directory is not available: ${toMessage(error)}`, "unavailable");
    }
  }
}

/**
 * Renews a lease until the signal aborts. Resolves to why it is lost: another agent has it, or it could not be renewed
 * in time. `onRenewed` receives each renewal. Rejects when the role no longer allows it.
 */
export async function keepLease(
  held: HeldLease,
  options: LeaseOptions & { readonly onRenewed: (held: HeldLease) => void },
): Promise<string> {
  const { validMs, pollMs } = options.timing ?? defaults;
  const { promise: late, resolve } = Promise.withResolvers<string>();
  let { until } = held;
  let failure = "no attempt has ended";
  const timer = setInterval(() => {
    if (performance.now() > until) resolve(`it could not be renewed for ${validMs / 1000} s: ${failure}`);
  }, pollMs);
  try {
    return await Promise.race([
      late,
      renew(held.lease, options, {
        onRenewed(next) {
          until = next.until;
          options.onRenewed(next);
        },
        onFailure: (why) => void (failure = why),
      }),
    ]);
  } finally {
    clearInterval(timer);
  }
}

async function renew(
  first: Lease,
  { calls, holder, logger, signal, timing: { validMs, renewMs, retryMs } = defaults }: LeaseOptions,
  on: { readonly onRenewed: (held: HeldLease) => void; readonly onFailure: (why: string) => void },
): Promise<string> {
  let lease: Lease | undefined = first;
  for (let pause = renewMs; ;) {
    await sleep(pause, undefined, { signal });
    try {
      const sentAt = performance.now();
      lease = await calls.write(holder, lease);
      on.onRenewed({ lease, until: sentAt + validMs });
      pause = renewMs;
    } catch (error) {
      signal.throwIfAborted();
      if (isForbidden(error)) throw error;
      pause = retryMs;
      on.onFailure(toMessage(error));
      logger.debug(`the lease was not renewed: ${toMessage(error)}`);
      // A response was lost, or the lease was changed or deleted.
      if (isApiError(error, 409) || isApiError(error, 404)) {
        lease = await calls.read().catch(() => lease);
        const other = lease?.spec?.holderIdentity;
        if (other && other !== holder.identity) return `"${other}" has taken it`;
        pause = 200;
      }
    }
  }
}

/**
 * Whether the role lacks the right, which is that of all agents. A refused token (401) is that of this agent only: its
 * pod was deleted, and the next agent takes the lease.
 */
function isForbidden(error: unknown): boolean {
  return isApiError(error, 403);
}
