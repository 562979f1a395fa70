import { bytes } from "signalman";
import * as v from "valibot";
import { findGroupFault, findSharingFault } from "./sharing.ts";
import { parseUpstream } from "./upstream/location.ts";

export type CacheConfig = v.InferOutput<typeof config>;

export interface ListenAddress {
  /** Empty for all addresses of this host. */
  readonly host: string;
  readonly port: number;
}

const secret = (what: string) =>
  v.optional(v.pipe(v.string(), v.description(what), v.metadata({ secret: true })), "");

const sharedSecret = v.optional(
  v.pipe(
    v.string(),
    v.check((text) => text === "" || text.length >= 32, "expected 32 characters or more"),
    v.description(
      "Secret that agents share with a cache of `signalman cache serve`, to which an agent without cache-size then sends its jobs: 32 characters or more",
    ),
    v.metadata({ secret: true }),
  ),
  "",
);

export const config = v.strictObject({
  size: v.optional(bytes("Maximum size of the cache that this agent serves to jobs; 0: no cache"), 0),
  path: v.optional(
    v.pipe(
      v.string(),
      v.description(
        "Directory of the cache, which no other agent may use; in the agent's state directory when empty",
      ),
      v.examples(["/var/cache/signalman"]),
      v.metadata({ hint: "path" }),
    ),
    "",
  ),
  listen: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (text) => parseListenAddress(text) !== undefined,
            "expected HOST:PORT, [IPV6]:PORT or :PORT, such as :9700",
          ),
        ),
      ),
      v.description(
        "Further addresses that the cache is served at, besides 127.0.0.1 and the gateway of the Docker engine's bridge: HOST:PORT, or :PORT for all addresses",
      ),
      v.examples([[":9700"]]),
      v.metadata({ hint: "address" }),
    ),
    [],
  ),
  url: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => text === "" || /^https?:\/\/[^/?#@\s]+\/?$/.test(text),
        "expected http:// or https:// with host and port, such as http://10.0.0.7:9700",
      ),
      v.description(
        "URL of the cache for jobs that do not reach this host at 127.0.0.1, such as those in pods, or of a cache that other agents use as well: http://HOST:PORT",
      ),
      v.examples(["http://10.0.0.7:9700"]),
      v.metadata({ hint: "url" }),
    ),
    "",
  ),
  secret: sharedSecret,
  share: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (text) => findGroupFault(text) === undefined,
            ({ input }) => findGroupFault(input) ?? "",
          ),
        ),
      ),
      v.check(
        (groups) => findSharingFault(groups) === undefined,
        ({ input }) => findSharingFault(input) ?? "",
      ),
      v.description(
        "Groups of projects that share their objects: ids joined by +, or all for every project. Each can then replace what the others restore",
      ),
      v.examples([["web+api"]]),
      v.metadata({ hint: "group" }),
    ),
    [],
  ),
  upstream: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => text === "" || parseUpstream(text) !== undefined,
        "expected s3://BUCKET/PREFIX?endpoint=URL&region=NAME",
      ),
      v.description(
        "Bucket of another S3 service that has the objects of several agents: read when this cache misses one, and written later",
      ),
      v.examples(["s3://ci-cache/builds?region=eu-central-1"]),
      v.metadata({ hint: "url" }),
    ),
    "",
  ),
  "upstream-key-id": secret("Access key id for cache-upstream; AWS_ACCESS_KEY_ID of the agent when empty"),
  "upstream-secret": secret(
    "Secret access key for cache-upstream; AWS_SECRET_ACCESS_KEY of the agent when empty",
  ),
});

/** Parses an address; `undefined` for another text. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, literal, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return digits === undefined || port === 0 || port > 65_535
    ? undefined
    : { host: literal ?? name ?? "", port };
}
