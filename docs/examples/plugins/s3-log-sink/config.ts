import { v } from "signalman";

const secret = (what: string) => v.pipe(v.string(), v.description(what), v.metadata({ secret: true }));

export const config = v.strictObject({
  bucket: v.pipe(v.string(), v.description("The bucket, which must be there")),
  prefix: v.optional(v.pipe(v.string(), v.description("What stands before each key: ci/logs")), ""),
  endpoint: v.optional(
    v.pipe(
      v.string(),
      v.url("expected an address: https://…"),
      v.description("Of a store that is not Amazon's"),
    ),
  ),
  region: v.optional(v.pipe(v.string(), v.description("The bucket's region")), "us-east-1"),
  "access-key-id": secret("The key's name"),
  "secret-access-key": secret("The key"),
  "session-token": v.optional(secret("For a key that is temporary")),
  gzip: v.optional(v.pipe(v.boolean(), v.description("Whether logs are compressed")), false),
  "retry-delay": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(0, "expected 0 seconds or more"),
      v.description("How long to wait before the second attempt, in seconds; doubled with each further one"),
    ),
    1,
  ),
});

export type S3Config = v.InferOutput<typeof config>;
