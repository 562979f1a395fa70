import { createHmac, timingSafeEqual } from "node:crypto";

/** A job's access to the objects of its project. */
export interface Access {
  readonly project: string;
  readonly job: string;
  readonly canWrite: boolean;
  /** Unix seconds at which the key ends, besides the job. Left out: it ends with its job. */
  readonly expiresAt?: number;
}

/** A pair that a client signs its requests with. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

/**
 * Access keys of jobs. A key contains what it allows, and its secret follows from it, so that there is no table
 * of keys and a restart of the agent does not end them.
 */
export interface Credentials {
  /** Creates the key of a job, always the same one. */
  issue(access: Access): AccessKey;
  /** Returns what a key allows, and its secret; `undefined` for one that was not issued, or whose job has ended. */
  find(id: string): (Access & Pick<AccessKey, "secret">) | undefined;
}

export interface CredentialsOptions {
  /** 32 random bytes, the same as long as keys have to be valid. */
  readonly secret: Uint8Array;
  /** Whether a job is running. */
  readonly isAlive: (job: string) => boolean;
}

/** The token of the operator's requests, which reach all projects. */
export function toOperatorToken(secret: Uint8Array): string {
  return createHmac("sha256", secret).update("operator\0").digest("base64url");
}

export function createCredentials({ secret, isAlive }: CredentialsOptions): Credentials {
  const sign = (purpose: string, text: string | Uint8Array) =>
    createHmac("sha256", secret).update(`${purpose}\0`).update(text).digest();
  const toSecret = (id: string) => sign("secret", id).toString("base64url");
  return {
    issue({ project, job, canWrite, expiresAt }) {
      const parts = [canWrite ? "rw" : "r", project, job, ...(expiresAt === undefined ? [] : [expiresAt])];
      const text = Buffer.from(JSON.stringify(parts));
      const id = Buffer.concat([sign("id", text).subarray(0, macBytes), text]).toString("base64url");
      return { id, secret: toSecret(id) };
    },
    find(id) {
      if (id.length > mostCharacters || !/^[\w-]+$/.test(id)) return undefined;
      const bytes = Buffer.from(id, "base64url");
      const [mac, text] = [bytes.subarray(0, macBytes), bytes.subarray(macBytes)];
      // One id for each key, although base64 has several texts for some bytes.
      if (mac.length < macBytes || bytes.toString("base64url") !== id) return undefined;
      if (!timingSafeEqual(mac, sign("id", text).subarray(0, macBytes))) return undefined;
      const [mode, project, job, expiresAt] = JSON.parse(text.toString()) as [
        string,
        string,
        string,
        number?,
      ];
      if (!isAlive(job) || (expiresAt !== undefined && Date.now() >= expiresAt * 1000)) return undefined;
      const access = { project, job, canWrite: mode === "rw", secret: toSecret(id) };
      return expiresAt === undefined ? access : { ...access, expiresAt };
    },
  };
}

const macBytes = 16;
const mostCharacters = 2048;
