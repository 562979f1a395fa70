import type { Exchange } from "signalman/http";
import { createFault } from "../store/fault.ts";
import type { Manifest } from "../store/manifest.ts";

type State = Pick<Manifest, "etag" | "modifiedAt">;

/** Whether a read is answered with 304. Throws `PreconditionFailed`. */
export function isUnmodified({ header }: Exchange, { etag, modifiedAt }: State): boolean {
  const changedAt = Math.floor(modifiedAt / 1000) * 1000;
  const [match, noneMatch] = [header("if-match"), header("if-none-match")];
  const [since, unmodifiedSince] = [header("if-modified-since"), header("if-unmodified-since")].map(
    Date.parse,
  );
  if (match !== "" ? !hasEtag(match, etag) : changedAt > unmodifiedSince!) throw failed();
  return noneMatch !== "" ? hasEtag(noneMatch, etag) : changedAt <= since!;
}

/**
 * Returns a check of the object that a write replaces; `undefined` for a write without conditions. Throws
 * `NotImplemented` for conditions that S3 does not have for writes.
 */
export function toWriteCheck({ header }: Exchange): ((current: State | undefined) => void) | undefined {
  const [match, noneMatch] = [header("if-match"), header("if-none-match")];
  const other = ["if-modified-since", "if-unmodified-since"].find((name) => header(name) !== "");
  if (other !== undefined || !["", "*"].includes(noneMatch) || (match !== "" && noneMatch !== ""))
    throw createFault("NotImplemented", "this condition of a write is not implemented here");
  if (match === "" && noneMatch === "") return undefined;
  return (current) => {
    if (match !== "" && current === undefined) throw createFault("NoSuchKey", "the object does not exist");
    if (current && (noneMatch === "*" || !hasEtag(match, current.etag))) throw failed();
  };
}

function hasEtag(list: string, etag: string): boolean {
  const tags = list.split(",").map((tag) => tag.trim().replace(/^W\//, "").replaceAll('"', ""));
  return tags.includes("*") || tags.includes(etag);
}

function failed(): Error {
  return createFault("PreconditionFailed", "at least one of the conditions of the request does not hold");
}
