/**
 * Whether a key names the same object in every S3 service. A URL cannot have the steps `.` and `..`, with which a job
 * could otherwise name objects of another project, and the prefix of the upstream takes its part of 1,024 bytes.
 */
export function isPortableKey(key: string): boolean {
  const isPlain = key.split("/").every((step) => step !== "" && step !== "." && step !== "..");
  return isPlain && !/[\p{Cc}\\\p{Surrogate}]/u.test(key) && Buffer.byteLength(key) <= mostBytes;
}

const mostBytes = 768;
