import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Metadata } from "../client/objects.ts";
import { toGroupPath } from "../client/resources.ts";

/** The Lease of a state directory, in the namespace of the agent's jobs. */
export interface Lease {
  readonly metadata: Metadata;
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** Who holds a lease. */
export interface Holder {
  /** Unique for each process of an agent. */
  readonly identity: string;
  /** The file system of the state directory, and the running kernel, on which `flock` keeps two agents apart. */
  readonly machine: string;
}

/** Annotation with the holder's `machine`. */
export const machineAnnotation = "signalman/machine";

/** The calls for one Lease. None is repeated: the caller measures the time of each. All throw `ApiError`. */
export interface LeaseCalls {
  /** Resolves to `undefined` when it does not exist. */
  read(): Promise<Lease | undefined>;
  /** Takes or renews the lease, unless it was changed since `seen`: then the status is 409. */
  write(holder: Holder, seen: Lease | undefined): Promise<Lease>;
  /** Leaves the lease to the next agent. */
  release(seen: Lease): Promise<void>;
}

export function createLeaseCalls(
  client: Client,
  options: {
    readonly name: string;
    readonly durationMs: number;
    /** Owner reference. */
    readonly owner: object | undefined;
    readonly signal: AbortSignal;
  },
): LeaseCalls {
  const { name, durationMs, owner, signal } = options;
  const path = toGroupPath(client, "coordination.k8s.io/v1", "leases");
  const once = { signal, retryMs: 0 };
  return {
    async read() {
      try {
        return await client.call<Lease>("GET", `${path}/${name}`, once);
      } catch (error) {
        if (isApiError(error, 404)) return undefined;
        throw error;
      }
    },
    async write({ identity, machine }, seen) {
      // Times of a Lease are for people: no agent compares them with its clock.
      const now = new Date().toISOString().replace("Z", "000Z");
      const isTaken = seen?.spec?.holderIdentity !== identity;
      const { leaseTransitions = 0 } = seen?.spec ?? {};
      const body = {
        metadata: {
          annotations: { [machineAnnotation]: machine },
          ...(seen && { resourceVersion: seen.metadata.resourceVersion }),
        },
        spec: {
          holderIdentity: identity,
          leaseDurationSeconds: Math.ceil(durationMs / 1000),
          renewTime: now,
          ...(isTaken && { acquireTime: now, leaseTransitions: leaseTransitions + 1 }),
        },
      };
      if (seen) return client.call<Lease>("PATCH", `${path}/${name}`, { ...once, body });
      const metadata = { ...body.metadata, name, ...(owner && { ownerReferences: [owner] }) };
      const created = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...body, metadata };
      return client.call<Lease>("POST", path, { ...once, body: created });
    },
    async release({ metadata: { resourceVersion } }) {
      const body = { metadata: { resourceVersion }, spec: { holderIdentity: null } };
      // The agent ends, so that its own signal may have aborted.
      await client.call("PATCH", `${path}/${name}`, { body, retryMs: 0 });
    },
  };
}
