/** Where a server listens. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string | undefined; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What the kernel takes as a socket's path, in bytes. */
const longestPath = 107;

const forms = "expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH, such as 127.0.0.1:9600";

/** Reads an address that has no fault. */
export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (typeof address === "string") throw new Error(address);
  return address;
}

/** What is wrong with it, and what would be right. */
export function toAddressFault(text: string): string | undefined {
  const address = readAddress(text);
  return typeof address === "string" ? address : undefined;
}

/** As a client names it. `port` is the one that was chosen, where 0 was asked for. */
export function toAddressText(address: Address, port?: number): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const { host = "" } = address;
  return `http://${isIPv6(host) ? `[${host}]` : host || "*"}:${port ?? address.port}`;
}

/** Whether only this host, or who may enter a directory of it, can get there. */
export function isLocal(address: Address): boolean {
  if (address.kind === "unix") return true;
  return /^(127(\.\d+){3}|::1|localhost)$/i.test(address.host ?? "");
}

function readAddress(text: string): Address | string {
  if (text.startsWith("unix:")) return readPath(text.slice("unix:".length));
  const [, literal, name, digits] = /^(?:\[(.*)\]|([\w.-]*)):(\d+)$/.exec(text) ?? [];
  if (digits === undefined) return forms;
  if (literal !== undefined && !isIPv6(literal)) return `"${literal}" is no IPv6 address: ${forms}`;
  const port = Number(digits);
  if (port > 65_535) return `there is no port ${digits}: expected 0 (any free one) to 65535`;
  return { kind: "tcp", host: (literal ?? name) || undefined, port };
}

function readPath(path: string): Address | string {
  if (path === "") return `expected a path after "unix:"`;
  const length = Buffer.byteLength(path);
  if (length <= longestPath) return { kind: "unix", path };
  return `the socket's path has ${length} bytes, and the system takes ${longestPath} at most: name a shorter one, such as unix:/run/signalman/health.sock`;
}

/** Without `node:net`: all commands read this file. */
function isIPv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]`);
}
