import { isLoopbackName, longestSocketPath } from "signalman";

/** The address that a server listens on. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string | undefined; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

const forms = "expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH, such as 127.0.0.1:9600";

/** Parses an address. Throws when `toAddressFault` returns a fault. */
export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (typeof address === "string") throw new Error(address);
  return address;
}

/** Returns why an address is invalid and what is expected; `undefined` for a valid one. */
export function toAddressFault(text: string): string | undefined {
  const address = readAddress(text);
  return typeof address === "string" ? address : undefined;
}

/** Formats an address for clients. `port` replaces port 0 with the port that the system selected. */
export function toAddressText(address: Address, port?: number): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const { host = "" } = address;
  return `http://${isIPv6(host) ? `[${host}]` : host || "*"}:${port ?? address.port}`;
}

/** Whether only processes of this host can reach the address. */
export function isLocal(address: Address): boolean {
  return address.kind === "unix" || isLoopbackName(address.host ?? "");
}

/**
 * Returns why a request with this `Host` header is refused at a loopback address: a web page whose name
 * resolves to this host could read the answer. Pages cannot leave the header out; old probes do.
 */
export function findHostFault(
  address: Address,
  header: string,
  names: readonly string[],
): string | undefined {
  if (address.kind === "unix" || !isLocal(address)) return undefined;
  const host = header.replace(/:\d+$/, "").toLowerCase();
  const known = [address.host, ...names].some((name) => name?.toLowerCase() === host);
  if (host === "" || known || isLoopbackName(host)) return undefined;
  return `host "${host.slice(0, 255)}" is not accepted: use localhost or the address, or add the name to health-hosts`;
}

function readAddress(text: string): Address | string {
  if (text.startsWith("unix:")) return readPath(text.slice("unix:".length));
  const [, literal, name, digits] = /^(?:\[(.*)\]|([\w.-]*)):(\d+)$/.exec(text) ?? [];
  if (digits === undefined) return forms;
  if (literal !== undefined && !isIPv6(literal)) return `"${literal}" is not an IPv6 address: ${forms}`;
  const port = Number(digits);
  if (port > 65_535) return `invalid port ${digits}: expected 0 (any free port) to 65535`;
  return { kind: "tcp", host: (literal ?? name) || undefined, port };
}

function readPath(path: string): Address | string {
  if (path === "") return `expected a path after "unix:"`;
  const length = Buffer.byteLength(path);
  if (length <= longestSocketPath) return { kind: "unix", path };
  return `the socket path has ${length} bytes, but the system allows ${longestSocketPath}: use a shorter one, such as unix:/run/signalman/health.sock`;
}

/** Avoids `node:net`, because all commands load this file. */
function isIPv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]`);
}
