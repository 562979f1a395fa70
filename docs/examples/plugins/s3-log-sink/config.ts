import { seconds, v } from "signalman";

const secret = (what: string) => v.pipe(v.string(), v.description(what), v.metadata({ secret: true }));

export const config = v.strictObject({
  bucket: v.pipe(v.string(), v.description("Name of an existing bucket")),
  prefix: v.optional(v.pipe(v.string(), v.description("Prefix of all keys: ci/logs")), ""),
  endpoint: v.optional(
    v.pipe(
      v.string(),
      v.url("expected an address: https://…"),
      v.description("Address of a store other than Amazon's"),
    ),
  ),
  region: v.optional(v.pipe(v.string(), v.description("Region of the bucket")), "us-east-1"),
  "access-key-id": secret("Access key id"),
  "secret-access-key": secret("Secret access key"),
  "session-token": v.optional(secret("Session token of a temporary key")),
  gzip: v.optional(v.pipe(v.boolean(), v.description("Compress logs with gzip")), false),
  "retry-delay": v.optional(seconds("Seconds before the first retry; doubled with each further one"), 1),
});

export type S3Config = v.InferOutput<typeof config>;
