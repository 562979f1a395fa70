import { createHash, randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, type Logger, toMessage } from "signalman";
import { readBootId } from "signalman/host";
import { isInOwnNamespace } from "../agent/own-pod.ts";
import type { Client } from "../client/client.ts";
import { findOwner } from "../pod/owner.ts";
import { acquireLease, type HeldLease, keepLease, durationMs } from "./lease.ts";
import { createLeaseFile, type LeaseFile, removeLeaseFile, toLeaseFile } from "./lease-file.ts";
import { noticeMs } from "./lease-guard.ts";
import { createLeaseCalls, type Holder } from "./lease-object.ts";

export interface AgentLeaseOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateDirectory: string;
  /** The ConfigMap of `kubernetes-owner`, with which the cluster deletes the Lease. */
  readonly owner: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Whether processes of jobs may still run when the lease is disposed. */
  readonly isBusy: () => boolean;
  /** Ends the agent with all processes of its jobs; never returns. */
  readonly end: () => void;
}

/**
 * Takes the lease of the state directory before the agent uses it, and renews it until the disposal, which leaves it to
 * the next agent. An agent that loses it ends at once. Resolves to `undefined` outside of the cluster, and without the
 * right. Rejects at SIGTERM.
 */
export async function holdLease(
  connect: () => Promise<Client>,
  options: AgentLeaseOptions,
): Promise<AsyncDisposable | undefined> {
  const { env, stateDirectory, owner, logger, signal } = options;
  const path = toLeaseFile(stateDirectory);
  const client = await connect();
  if (!isInOwnNamespace(client)) return void removeLeaseFile(path);
  const reference = await findOwner(client, { configMap: owner, env, logger, signal }).catch(() => undefined);
  const name = toLeaseName(stateDirectory);
  const calls = createLeaseCalls(client, { name, durationMs, owner: reference, signal });
  const holder: Holder = {
    identity: `${env["KUBERNETES_POD_NAME"] || env["HOSTNAME"] || "agent"}/${randomUUID()}`,
    machine: readMachine(stateDirectory),
  };
  try {
    const held = await acquireUntilInterrupt({ calls, holder, logger, signal });
    logger.info(`holds lease "${name}" of the state directory`);
    const file = createLeaseFile(path, holder.identity);
    return keep(held, { ...options, calls, holder, file });
  } catch (error) {
    if (error instanceof AgentError) throw error;
    signal.throwIfAborted();
    logger.warn(`${withoutLease}: ${toMessage(error)}`);
    removeLeaseFile(path);
    return undefined;
  }
}

const withoutLease = "no lease keeps agents of other nodes off the state directory";

function keep(
  first: HeldLease,
  options: AgentLeaseOptions &
    Omit<Parameters<typeof keepLease>[1], "onRenewed"> & { readonly file: LeaseFile },
): AsyncDisposable {
  const { file, logger, calls, end, isBusy } = options;
  const ending = new AbortController();
  let held: HeldLease | undefined = first;
  const extend = ({ until }: HeldLease) => {
    try {
      file.extend(until - performance.now());
    } catch (error) {
      logger.warn(`the processes of jobs cannot be told that the lease is valid: ${toMessage(error)}`);
    }
  };
  extend(first);
  const onRenewed = (next: HeldLease) => extend((held = next));
  const signal = AbortSignal.any([ending.signal, options.signal]);
  async function follow(): Promise<void> {
    try {
      const why = await keepLease(first, { ...options, signal, onRenewed });
      logger.error(
        `the lease of the state directory is lost: ${why}; the agent exits, and its jobs continue in the next one`,
      );
      // The file may be that of another agent by now, and its validity has passed.
      end();
    } catch (error) {
      if (signal.aborted) return;
      // All agents have the same role, so that none of them takes the lease.
      logger.warn(`${withoutLease} from now on: ${toMessage(error)}`);
      held = undefined;
      file.extend(noEndMs);
    }
  }
  const keeping = follow();
  return {
    async [Symbol.asyncDispose]() {
      ending.abort();
      await keeping;
      file.expire();
      // Their processes end with this agent's pod, and before another agent has the lease.
      if (isBusy()) await sleep(noticeMs);
      if (held) await calls.release(held.lease).catch((error: unknown) => logger.debug(toMessage(error)));
    },
  };
}

const noEndMs = 10 * 365 * 24 * 3600 * 1000;

/** The agent does not act on SIGTERM while it starts. */
async function acquireUntilInterrupt(options: Parameters<typeof acquireLease>[0]): Promise<HeldLease> {
  const interrupted = new AbortController();
  const onInterrupt = () =>
    interrupted.abort(
      new AgentError("STATE_LOCKED", "interrupted while another agent had the lease of the state directory"),
    );
  process.on("SIGTERM", onInterrupt);
  try {
    const signal = AbortSignal.any([options.signal, interrupted.signal]);
    return await acquireLease({ ...options, signal });
  } catch (error) {
    interrupted.signal.throwIfAborted();
    throw error;
  } finally {
    process.off("SIGTERM", onInterrupt);
  }
}

/** One name for each agent: its folder has the endpoint and the agent's name. */
function toLeaseName(stateDirectory: string): string {
  const hash = createHash("sha256").update(basename(stateDirectory)).digest("hex");
  return `signalman-${hash.slice(0, 16)}`;
}

function readMachine(stateDirectory: string): string {
  return `${readBootId()}/${statSync(stateDirectory).dev}`;
}
