import { createHmac } from "node:crypto";
import { AgentError, toMessage } from "signalman";
import { readHostFile } from "signalman/host";
import { type Exchange, isSameToken } from "signalman/http";
import type { PageConfig } from "./config.ts";

/** What a client may do. `write` includes `read`. */
export type Level = "none" | "read" | "write";

export interface Access {
  levelOf(exchange: Exchange): Level;
  /** Returns the level of a token, and the cookie by which a browser shows later that it has it. */
  enter(token: string): { readonly level: Level; readonly cookie: string };
  /** Whether a token is needed to look. */
  readonly isClosed: boolean;
  /** Whether there is a token for writing. */
  readonly isWritable: boolean;
}

export interface Tokens {
  readonly write: string;
  readonly read: string;
}

/** Reads the tokens. Throws `FILE_FAILED` for a file that cannot be read or is empty. */
export function loadTokens(options: PageConfig): Tokens {
  return {
    write: options.token || readToken("page-token-file", options["token-file"]),
    read: options["read-token"] || readToken("page-read-token-file", options["read-token-file"]),
  };
}

function readToken(option: string, path: string): string {
  if (path === "") return "";
  const token = readText(option, path).trim();
  if (token !== "") return token;
  throw new AgentError("FILE_FAILED", `"${path}" (${option}) is empty: expected a token`);
}

function readText(option: string, path: string): string {
  try {
    return readHostFile(path).toString();
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `cannot read "${path}" (${option}): ${toMessage(cause)}`, { cause });
  }
}

export function createAccess({ write, read }: Tokens): Access {
  const isClosed = write !== "" || read !== "";
  // A cookie is derived from its token, so that it remains valid when the agent is restarted, and does not tell it.
  const cookies = { write: toCookie(write), read: toCookie(read) };
  const levelIn = (given: string, expected: Tokens): Level => {
    const [isWrite, isRead] = [isSameToken(given, expected.write), isSameToken(given, expected.read)];
    if (given === "") return "none";
    return isWrite && write !== "" ? "write" : isRead && read !== "" ? "read" : "none";
  };
  return {
    isClosed,
    isWritable: write !== "",
    levelOf(exchange) {
      const bearer = /^Bearer (\S+)$/.exec(exchange.header("authorization"))?.[1];
      const cookie = findCookie(exchange.header("cookie"));
      const level = bearer !== undefined ? levelIn(bearer, { write, read }) : levelIn(cookie, cookies);
      return level === "none" && !isClosed ? "read" : level;
    },
    enter(token) {
      const level = levelIn(token, { write, read });
      const value = level === "none" ? "" : cookies[level];
      const age = level === "none" ? 0 : cookieSeconds;
      return {
        level,
        cookie: `${cookieName}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict`,
      };
    },
  };
}

const cookieName = "signalman-page";
const cookieSeconds = 30 * 24 * 3600;

function toCookie(token: string): string {
  return createHmac("sha256", token).update("cookie of the page").digest("hex");
}

function findCookie(header: string): string {
  const pair = header
    .split(";")
    .map((text) => text.trim())
    .find((text) => text.startsWith(`${cookieName}=`));
  return pair?.slice(cookieName.length + 1) ?? "";
}

/** Whether a page of another origin has sent the request. Programs send neither header. */
export function isForeign(exchange: Exchange): boolean {
  const site = exchange.header("sec-fetch-site");
  if (site !== "" && site !== "same-origin" && site !== "none") return true;
  const origin = exchange.header("origin");
  // The scheme is not compared, since a proxy may end TLS.
  return origin !== "" && (!URL.canParse(origin) || new URL(origin).host !== exchange.header("host"));
}
