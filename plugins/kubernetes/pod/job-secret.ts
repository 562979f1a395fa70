import { decodeBase64, type EnvironmentVariable, type JobContainer, type JobRequest } from "signalman";
import { decodeVariables, toExportFile } from "signalman/executor";

/** What a job's secret holds (protocol section 6.4), ready for its `data`. */
export interface JobSecret {
  readonly data: Readonly<Record<string, string>>;
  /** The mounted file that holds exactly these bytes; `undefined`: they did not fit. */
  find(bytes: Uint8Array): string | undefined;
  /** The key under which a container's variable stands. */
  readonly variableKeys: ReadonlyMap<EnvironmentVariable, string>;
}

export const secretDirectory = "/tmp/injected";
const environmentKey = ".env";

/** Bytes of all values together: a secret holds 1 MiB, and etcd takes 1.5 MB in one request. */
const mostBytes = 900 * 1024;

/**
 * Packs the variables, the files and the containers' variables of a job. What does not fit any more is left out, smallest first in; the session
 * sends that by itself. Throws when the containers' variables alone are too large, for they can go no other way.
 */
export function packSecret(job: JobRequest): JobSecret {
  const data: Record<string, string> = {};
  const paths = new Map<string, string>();
  const variableKeys = new Map<EnvironmentVariable, string>();
  let bytes = 0;
  const add = (key: string, value: Uint8Array): boolean => {
    if (bytes + value.length > mostBytes || key.length > 253 || key in data) return false;
    bytes += value.length;
    data[key] = Buffer.from(value).toString("base64");
    paths.set(hash(value), `${secretDirectory}/${key}`);
    return true;
  };

  for (const [index, container] of job.containers.entries()) addVariables(index, container);
  const exports = toExports(job.env);
  if (exports) add(environmentKey, exports);
  const files = job.files.flatMap(({ path, content }) => {
    const value = decodeBase64(content);
    return value ? [{ key: Buffer.from(path).toString("base64url"), value }] : [];
  });
  for (const { key, value } of files.toSorted((a, b) => a.value.length - b.value.length)) add(key, value);
  return { data, variableKeys, find: (value) => paths.get(hash(value)) };

  function addVariables(index: number, container: JobContainer): void {
    for (const [place, variable] of container.env.entries()) {
      const value = decodeBase64(variable.value);
      if (!value) throw new Error(`container "${container.name}": Failed to decode ${variable.name}`);
      if (!Buffer.from(value).equals(Buffer.from(Buffer.from(value).toString())))
        throw new Error(`container "${container.name}": the value of ${variable.name} is not UTF-8`);
      const key = `container-${index}-variable-${place}`;
      if (!add(key, value))
        throw new Error(`the variables of the job's containers are larger than ${mostBytes} bytes together`);
      variableKeys.set(variable, key);
    }
  }
}

/** The export file of a request's variables; `undefined` when one of them has a fault, which the export will tell. */
function toExports(env: readonly EnvironmentVariable[]): Uint8Array | undefined {
  const variables = decodeVariables(env, () => {});
  return variables && Buffer.from(toExportFile(variables));
}

function hash(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
