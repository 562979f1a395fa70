import { AgentError } from "signalman";

/** Where the hub is when nobody says otherwise. */
export const defaultPort = 4850;

/** Of every command that asks a hub. */
export const hubArgument = {
  type: "string",
  description: `where the hub is (SIGNALMAN_HUB, http://127.0.0.1:${defaultPort} by default)`,
  valueHint: "URL",
} as const;

/** Reads a number that may have an end to be in. Throws `USAGE_INVALID` and names the flag. */
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
  const range = to === Number.MAX_SAFE_INTEGER ? `from ${from} on` : `from ${from} to ${to}`;
  throw new AgentError(
    "USAGE_INVALID",
    `"--${flag}" takes a ${isWhole ? "whole " : ""}number ${range}, not "${text}"`,
  );
}

/** `2000`, or `4000-6000`. */
export function parseInterval(
  flag: string,
  text: string | undefined,
): [from: number, to: number] | undefined {
  if (text === undefined) return undefined;
  const [from = "", to = from] = text.split("-", 2);
  const ends = [parseNumber(flag, from)!, parseNumber(flag, to)!] as const;
  if (ends[0] <= ends[1]) return [...ends];
  throw new AgentError(
    "USAGE_INVALID",
    `"--${flag}" takes the shorter time first (as in 4000-6000), not "${text}"`,
  );
}
