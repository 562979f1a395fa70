import type { Exchange } from "signalman/http";
import { createFault } from "../store/fault.ts";

/** The `x-amz-…` headers of a request. Presigned URLs have them in their query. */
export interface AmzHeaders {
  /** In lower case. */
  readonly names: readonly string[];
  get(name: string): string | undefined;
}

export function readAmzHeaders({ headerNames, header, query }: Exchange): AmzHeaders {
  const found = new Map<string, string>();
  for (const [name, value] of query)
    if (/^x-amz-/i.test(name) && !signatureParameters.has(name.toLowerCase()))
      found.set(name.toLowerCase(), value);
  for (const name of headerNames) if (name.startsWith("x-amz-")) found.set(name, header(name));
  return { names: [...found.keys()], get: (name) => found.get(name) };
}

const signatureParameters = new Set(
  "algorithm credential date expires signedheaders signature content-sha256 security-token"
    .split(" ")
    .map((name) => `x-amz-${name}`),
);

/** Throws `NotImplemented` for a header that is neither known everywhere nor for this operation. */
export function assertAmzHeaders(amz: AmzHeaders, isKnown: (name: string) => boolean = () => false): void {
  const unknown = amz.names.find((name) => !knownEverywhere.has(name) && !isKnown(name));
  if (unknown !== undefined)
    throw createFault("NotImplemented", `the header "${unknown.slice(0, 100)}" is not implemented here`);
}

const knownEverywhere = new Set(["x-amz-content-sha256", "x-amz-date", "x-amz-user-agent"]);
