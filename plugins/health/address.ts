import { longestSocketPath } from "signalman";
import type { HttpAddress } from "signalman/http";

const forms = "expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH, such as 127.0.0.1:9600";

/** Parses an address. Throws when `toAddressFault` returns a fault. */
export function parseAddress(text: string): HttpAddress {
  const address = readAddress(text);
  if (typeof address === "string") throw new Error(address);
  return address;
}

/** Returns why an address is invalid and what is expected; `undefined` for a valid one. */
export function toAddressFault(text: string): string | undefined {
  const address = readAddress(text);
  return typeof address === "string" ? address : undefined;
}

function readAddress(text: string): HttpAddress | string {
  if (text.startsWith("unix:")) return readPath(text.slice("unix:".length));
  const [, literal, name, digits] = /^(?:\[(.*)\]|([\w.-]*)):(\d+)$/.exec(text) ?? [];
  if (digits === undefined) return forms;
  if (literal !== undefined && !isIPv6(literal)) return `"${literal}" is not an IPv6 address: ${forms}`;
  const port = Number(digits);
  if (port > 65_535) return `invalid port ${digits}: expected 0 (any free port) to 65535`;
  return { kind: "tcp", host: literal ?? name ?? "", port };
}

function readPath(path: string): HttpAddress | string {
  if (path === "") return `expected a path after "unix:"`;
  const length = Buffer.byteLength(path);
  if (length <= longestSocketPath) return { kind: "unix", path };
  return `the socket path has ${length} bytes, but the system allows ${longestSocketPath}: use a shorter one, such as unix:/run/signalman/health.sock`;
}

/** Avoids `node:net`, because all commands load this file. */
function isIPv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]`);
}
