import { decodeBase64, type EnvironmentVariable, type JobContainer, type JobRequest } from "signalman";
import { decodeVariables, toExportFile } from "signalman/executor";

/** The contents of a job's secret (protocol section 6.4). */
export interface JobSecret {
  readonly data: Readonly<Record<string, string>>;
  /** Returns the mounted file with exactly these bytes; `undefined` when it did not fit. */
  find(bytes: Uint8Array): string | undefined;
  /** Whether it has the authorities of `job-ca-file`, under `caKey`. */
  readonly hasCa: boolean;
  /** The key of each container's variable. */
  readonly variableKeys: ReadonlyMap<EnvironmentVariable, string>;
}

export const secretDirectory = "/tmp/injected";
const environmentKey = ".env";
/** Key of the operator's authorities. Keys of files are base64url, without a dot. */
export const caKey = "ca.pem";

/** Maximum size of all values together: a secret may have 1 MiB, and a request of etcd 1.5 MB. */
const maxBytes = 900 * 1024;

/**
 * Packs the containers' variables, the variables and the files of a job, the smallest files first. The
 * session uploads values that do not fit. Throws when the containers' variables alone do not fit, since they
 * cannot be uploaded. `ca` comes first.
 */
export function packSecret(job: JobRequest, ca?: Uint8Array): JobSecret {
  const data: Record<string, string> = {};
  const paths = new Map<string, string>();
  const variableKeys = new Map<EnvironmentVariable, string>();
  let bytes = 0;
  const add = (key: string, value: Uint8Array): boolean => {
    if (bytes + value.length > maxBytes || key.length > 253 || key in data) return false;
    bytes += value.length;
    data[key] = Buffer.from(value).toString("base64");
    paths.set(hash(value), `${secretDirectory}/${key}`);
    return true;
  };

  if (ca) add(caKey, ca);
  for (const [index, container] of job.containers.entries()) addVariables(index, container);
  const exports = toExports(job.env);
  if (exports) add(environmentKey, exports);
  const files = job.files.flatMap(({ path, content }) => {
    const value = decodeBase64(content);
    return value ? [{ key: Buffer.from(path).toString("base64url"), value }] : [];
  });
  for (const { key, value } of files.toSorted((a, b) => a.value.length - b.value.length)) add(key, value);
  return { data, hasCa: ca !== undefined, variableKeys, find: (value) => paths.get(hash(value)) };

  function addVariables(index: number, container: JobContainer): void {
    for (const [position, variable] of container.env.entries()) {
      const value = decodeBase64(variable.value);
      if (!value) throw new Error(`container "${container.name}": Failed to decode ${variable.name}`);
      if (!Buffer.from(value).equals(Buffer.from(Buffer.from(value).toString())))
        throw new Error(`container "${container.name}": the value of ${variable.name} is not UTF-8`);
      const key = `container-${index}-variable-${position}`;
      if (!add(key, value))
        throw new Error(`the variables of the job's containers are larger than ${maxBytes} bytes together`);
      variableKeys.set(variable, key);
    }
  }
}

/**
 * Builds the export file of a request's variables; `undefined` when one is invalid, which the export reports
 * later.
 */
function toExports(env: readonly EnvironmentVariable[]): Uint8Array | undefined {
  const variables = decodeVariables(env, () => {});
  return variables && Buffer.from(toExportFile(variables));
}

function hash(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
