import { isLoopbackName, longestSocketPath } from "signalman";
import type { HttpAddress } from "signalman/http";

/** Where the page listens. */
export interface PageAddress {
  readonly address: HttpAddress;
  /** Whether only processes of this host can reach it. */
  readonly isLocal: boolean;
}

export const pageForms =
  "expected HOST:PORT, [IPV6]:PORT, :PORT or unix:/PATH (an absolute path), such as 127.0.0.1:9610";

/** Parses an address; `undefined` for another text, and for an empty one. */
export function parsePageAddress(text: string): PageAddress | undefined {
  const path = text.startsWith("unix:/") ? text.slice("unix:".length) : "";
  if (path !== "") {
    const fits = Buffer.byteLength(path) <= longestSocketPath;
    return fits ? { address: { kind: "unix", path }, isLocal: true } : undefined;
  }
  const [, literal, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) return undefined;
  const host = literal ?? name ?? "";
  return { address: { kind: "tcp", host, port }, isLocal: host !== "" && isLoopbackName(host) };
}
