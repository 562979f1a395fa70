import type { Logger } from "../../core/contracts/logger.ts";
import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";
import type { HostNames, HttpAddress } from "./address.ts";
import type { ConnectionLimits } from "./connections.ts";
import type { ExchangeLimits } from "./exchange.ts";
import type { Handler } from "./handler.ts";

/** Limits of a server. */
export interface HttpLimits extends ConnectionLimits, ExchangeLimits {
  /** Maximum size of a request's header in bytes. Left out: 16 KiB. */
  readonly headerBytes?: number;
}

/** Address, limits and certificate of a server. */
export interface HttpServerOptions {
  readonly address: HttpAddress;
  /** The options that set the address, for errors: `--host, --port`. */
  readonly option: string;
  /** Certificate with its chain, and key, in PEM. Left out: the server speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly limits: HttpLimits;
  /** Further names in `Host` headers at a loopback address. */
  readonly hosts?: HostNames;
  /** Receives the errors of the handler: `ctx.log`. */
  readonly logger: Pick<Logger, "error">;
}

/** Throws `PLUGIN_INVALID` with the first fault of a call of `openHttpServer`. */
export function assertServerOptions(options: HttpServerOptions, handler: Handler): void {
  const fault = findFault("options", options, shape) ?? findFault("handler", handler, aFunction);
  if (fault !== undefined) throw new AgentError("PLUGIN_INVALID", `openHttpServer: ${fault}`);
}

/** What a value must be: in words, with a test, or an object with these members. */
type Shape =
  | { readonly is: string; test(value: unknown): boolean; readonly isOptional?: boolean }
  | { readonly members: Members | ((value: object) => Members); readonly isOptional?: boolean };

type Members = Readonly<Record<string, Shape>>;

function findFault(path: string, value: unknown, expected: Shape): string | undefined {
  if (value === undefined && expected.isOptional) return undefined;
  if ("is" in expected) return expected.test(value) ? undefined : toFault(path, expected.is, value);
  if (typeof value !== "object" || value === null) return toFault(path, "an object", value);
  const members = typeof expected.members === "function" ? expected.members(value) : expected.members;
  const known = Object.keys(members);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) return `"${path}" has an unknown member "${unknown}"${toHint(unknown, known)}`;
  for (const key of known) {
    const fault = findFault(`${path}.${key}`, (value as Record<string, unknown>)[key], members[key]!);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function toFault(path: string, is: string, value: unknown): string {
  if (value === undefined) return `"${path}" is missing: it must be ${is}`;
  const shown = typeof value === "object" && value !== null ? "an object" : Bun.inspect(value).slice(0, 100);
  return `"${path}" must be ${is}, not ${shown}`;
}

const aFunction: Shape = { is: "a function", test: (value) => typeof value === "function" };
const text: Shape = { is: "a text", test: (value) => typeof value === "string" };
const name: Shape = {
  is: "a text, which is not empty",
  test: (value) => typeof value === "string" && value !== "",
};
const texts: Shape = {
  is: "a list of texts",
  test: (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
};

function numberOf(unit: string, from: number, to = Infinity): Shape {
  const range = to === Infinity ? `of at least ${from}` : `from ${from} to ${to}`;
  return {
    is: `a number${unit} ${range}`,
    test: (value) => typeof value === "number" && value >= from && value <= to,
  };
}

const optional = (shape: Shape): Shape => ({ ...shape, isOptional: true });
const count = numberOf("", 1);
/** A longer time would be over at once. */
const ms = numberOf(" of milliseconds", 1, 2 ** 31 - 1);
const bytes = numberOf(" of bytes", 0);

const kind: Shape = { is: '"tcp" or "unix"', test: (value) => value === "tcp" || value === "unix" };
const port: Shape = {
  is: "a whole number from 0 to 65535",
  test: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535,
};

function toAddressMembers(address: object): Members {
  return "kind" in address && address.kind === "unix" ? { kind, path: name } : { kind, host: text, port };
}

const shape: Shape = {
  members: {
    address: { members: toAddressMembers },
    option: name,
    limits: {
      members: {
        connections: count,
        requests: optional(count),
        requestMs: ms,
        answerMs: optional(ms),
        idleMs: ms,
        stallMs: optional(ms),
        headerBytes: optional(bytes),
        bodyBytes: optional(bytes),
        bodyRate: optional(bytes),
      },
    },
    logger: { is: "a logger, such as ctx.log", test: (value) => typeof Object(value).error === "function" },
    tls: optional({ members: { cert: text, key: text } }),
    hosts: optional({ members: { names: texts, option: name } }),
  },
};
