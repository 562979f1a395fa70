import { isLoopbackName } from "../../os/network/loopback.ts";

/** The address that a server listens on. */
export type HttpAddress =
  | {
      readonly kind: "tcp";
      /** A name or an address; empty for all addresses of this host. */
      readonly host: string;
      /** 0 selects a free port. */
      readonly port: number;
    }
  | { readonly kind: "unix"; readonly path: string };

/** Formats an address for clients, who cannot use port 0: `port` replaces it. */
export function toUrl(address: HttpAddress, protocol: "http" | "https", port?: number): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const { host } = address;
  return `${protocol}://${host.includes(":") ? `[${host}]` : host || "*"}:${port ?? address.port}`;
}

/** Names that a `Host` header may have at a loopback address, besides localhost and the address. */
export interface HostNames {
  readonly names: readonly string[];
  /** The option that sets them, for the message. */
  readonly option: string;
}

/**
 * Returns why a request with this `Host` header is refused at a loopback address. A web page in a browser of
 * this host may have its own name resolve to 127.0.0.1 (DNS rebinding), and could then read what the server
 * answers. Browsers always send the header and cannot leave it out; old probes do.
 */
export function findHostFault(
  header: string,
  { names, option }: Pick<HostNames, "names"> & Partial<HostNames>,
): string | undefined {
  const host = header.replace(/:\d+$/, "").toLowerCase();
  const isKnown = host === "" || isLoopbackName(host) || names.some((name) => name.toLowerCase() === host);
  if (isKnown) return undefined;
  const remedy = option === undefined ? "" : `, or add the name to ${option}`;
  return `host "${host.slice(0, 255)}" is not accepted: use localhost or the address${remedy}`;
}
