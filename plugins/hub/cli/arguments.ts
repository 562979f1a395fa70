import { AgentError } from "signalman";
import { longestMs } from "../settings.ts";

/** The hub's default port. */
export const defaultPort = 4850;

/** The `--hub` option of every command that calls a hub. */
export const hubArgument = {
  type: "string",
  description: `URL or address of the hub (default: SIGNALMAN_HUB, else http://127.0.0.1:${defaultPort})`,
  valueHint: "URL",
} as const;

/** Parses a number within a range. Throws `USAGE_INVALID` with the name of the flag. */
export function parseNumber(
  flag: string,
  text: string | undefined,
  {
    from = 0,
    to = Number.MAX_SAFE_INTEGER,
    isWhole = true,
  }: { from?: number; to?: number; isWhole?: boolean } = {},
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  const isGood =
    text.trim() !== "" && value >= from && value <= to && (!isWhole || Number.isSafeInteger(value));
  if (isGood) return value;
  const range = to === Number.MAX_SAFE_INTEGER ? `of at least ${from}` : `from ${from} to ${to}`;
  throw new AgentError(
    "USAGE_INVALID",
    `invalid value "${text}" for "--${flag}": expected ${isWhole ? "an integer" : "a number"} ${range}`,
  );
}

/** Parses an interval in milliseconds: `2000` or `4000-6000`. */
export function parseInterval(
  flag: string,
  text: string | undefined,
): [from: number, to: number] | undefined {
  if (text === undefined) return undefined;
  const [from = "", to = from] = text.split("-", 2);
  const ends = [
    parseNumber(flag, from, { to: longestMs })!,
    parseNumber(flag, to, { to: longestMs })!,
  ] as const;
  if (ends[0] <= ends[1]) return [...ends];
  throw new AgentError(
    "USAGE_INVALID",
    `invalid value "${text}" for "--${flag}": expected the shorter time first, as in 4000-6000`,
  );
}
