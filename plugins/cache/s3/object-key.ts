import { createFault } from "../store/fault.ts";
import type { ObjectName } from "../store/layout.ts";

/** Splits the path of a request. Throws the fault of a path that names no key. */
export function parsePath(path: string): { readonly bucket: string; readonly key: string } {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch (cause) {
    throw createFault("InvalidURI", "the path is not valid percent-encoded UTF-8", cause);
  }
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(text) ?? [];
  if (Buffer.byteLength(key) > mostKeyBytes)
    throw createFault("KeyTooLongError", `the key has more than ${mostKeyBytes} bytes`);
  return { bucket, key };
}

/** Whether an access key of the project reaches the object. */
export function isOwnKey(key: string, project: string): boolean {
  return key.startsWith(`${project}/`) && Buffer.byteLength(key) <= mostKeyBytes;
}

/** Returns the name by which the object of a project's own key is stored. */
export function toName(key: string, { project, space }: { project: string; space: string }): ObjectName {
  return { project: space, key: replaceHead(key, project, space) };
}

/** Replaces the first step of a key. */
export function replaceHead(key: string, from: string, to: string): string {
  return to + key.slice(from.length);
}

const mostKeyBytes = 1024;
