/** A place in a bucket of another S3 service. */
export interface UpstreamLocation {
  readonly bucket: string;
  /** Before all keys: empty, or with a slash at its end. */
  readonly prefix: string;
  /** Left out: Amazon's. */
  readonly endpoint: string | undefined;
  readonly region: string;
}

/** Parses `s3://bucket/prefix?endpoint=https://…&region=…`; `undefined` for another text. */
export function parseUpstream(text: string): UpstreamLocation | undefined {
  const [, bucket, path = "", query = ""] =
    /^s3:\/\/([a-z0-9][\w.-]{1,62})(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(text) ?? [];
  if (bucket === undefined) return undefined;
  const { endpoint, region = "us-east-1", ...others } = Object.fromEntries(new URLSearchParams(query));
  const isEndpoint = endpoint === undefined || /^https?:\/\/[^/?#@\s]+\/?$/.test(endpoint);
  if (Object.keys(others).length > 0 || !isEndpoint || !/^[\w-]*$/.test(region)) return undefined;
  const prefix = path.replaceAll(/^\/+|\/+$/g, "");
  return {
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint: endpoint?.replace(/\/$/, ""),
    region,
  };
}
