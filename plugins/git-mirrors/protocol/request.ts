import { createHash } from "node:crypto";
import { type Packet, toText } from "./packets.ts";

/** A command of protocol version 2, as the client sends it. */
export interface Request {
  readonly raw: Buffer;
  /** `ls-refs`, `fetch`, … */
  readonly command: string;
  readonly capabilities: readonly string[];
  readonly arguments: readonly string[];
}

/** A fetch that a mirror can answer. */
export interface FetchRequest {
  readonly raw: Buffer;
  readonly wants: readonly string[];
  /** The client wants the annotated tags of what it receives. */
  readonly includesTags: boolean;
  /** Same for each client that has nothing yet and wants the same; `undefined` for one that has something. */
  readonly key: string | undefined;
  /** The answer has all that the wants lead to, up to the depth that the client wants. */
  readonly isWhole: boolean;
}

/** Parses the packets of one request, its flush included. */
export function parseRequest(packets: readonly Packet[]): Request {
  const middle = packets.findIndex(({ kind }) => kind === "delimiter");
  const lines = (some: readonly Packet[]) =>
    some.flatMap((each) => (each.kind === "data" ? [toText(each)] : []));
  const capabilities = lines(middle < 0 ? packets : packets.slice(0, middle));
  const command = capabilities.find((line) => line.startsWith("command="))?.slice("command=".length) ?? "";
  return {
    raw: Buffer.concat(packets.map(({ raw }) => raw)),
    command,
    capabilities,
    arguments: middle < 0 ? [] : lines(packets.slice(middle + 1)),
  };
}

/** Returns the fetch; `undefined` for one with something that only the origin can answer. */
export function toFetch({ raw, command, capabilities, arguments: given }: Request): FetchRequest | undefined {
  if (command !== "fetch") return undefined;
  const isKnown =
    capabilities.every((line) => knownCapability.test(line)) &&
    given.every((line) => knownArgument.test(line));
  const wants = given.flatMap((line) => (line.startsWith("want ") ? [line.slice("want ".length)] : []));
  if (!isKnown || wants.length === 0) return undefined;
  const hasNothing = !given.some((line) => /^(have|shallow) /.test(line));
  const isWhole = hasNothing && given.includes("done") && !given.some((line) => line.startsWith("filter "));
  return {
    raw,
    isWhole,
    wants: [...new Set(wants)],
    includesTags: given.includes("include-tag"),
    key: hasNothing ? createHash("sha256").update(given.toSorted().join("\n")).digest("hex") : undefined,
  };
}

/** Whether an `ls-refs` asks for all tags. */
export function listsTags({ arguments: given }: Request): boolean {
  const prefixes = given.filter((line) => line.startsWith("ref-prefix "));
  const isPeeled = given.includes("peel");
  return (
    isPeeled && (prefixes.length === 0 || prefixes.some((line) => /^ref-prefix refs\/(tags\/)?$/.test(line)))
  );
}

const knownCapability = /^(command=fetch|agent=.*|session-id=.*|object-format=sha1)$/;
const knownArgument =
  /^((want|have|shallow) [0-9a-f]{40}|deepen \d{1,10}|deepen-since \d{1,12}|deepen-relative|filter [\w:=+.,%-]{1,200}|thin-pack|no-progress|include-tag|ofs-delta|wait-for-done|done)$/;
