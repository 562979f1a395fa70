import * as fs from "node:fs";
import { AgentError, toMessage } from "../../core/errors.ts";
import { stateVersion, writeDocument } from "./document.ts";
import { openStateFile, tooLarge } from "./file.ts";

/** A small document that is written often. Disposal closes its file; it can still be written after it. */
export interface OverwrittenDocument extends Disposable {
  /**
   * Writes the document. After a crash of the program the file has either the old or the new content; a crash
   * of the machine may lose it. Throws `FILE_FAILED`, also when the document takes more than 256 bytes.
   */
  write(document: unknown): void;
}

/**
 * Writes a document without replacing its file each time, for which some file systems wait for the disk (ext4:
 * `auto_da_alloc`). `readDocument` reads it. A file that was replaced or removed meanwhile, or that has further
 * names, is written anew.
 */
export function overwriteDocument(path: string): OverwrittenDocument {
  let file: number | undefined;
  let state: "new" | "written" | "disposed" = "new";
  const close = () => {
    if (file !== undefined) fs.closeSync(file);
    file = undefined;
  };
  return {
    write(document) {
      if (state === "written") file ??= openWritten(path);
      if (file !== undefined && fs.fstatSync(file).nlink === 1) {
        overwrite(path, file, document);
        return;
      }
      close();
      writeDocument(path, document, { sync: "never", maxBytes });
      if (state === "new") state = "written";
    },
    [Symbol.dispose]() {
      state = "disposed";
      close();
    },
  };
}

/** `undefined` when the file is missing, or in its place is one that must not be written. */
function openWritten(path: string): number | undefined {
  try {
    return openStateFile(path, "update");
  } catch {
    return undefined;
  }
}

/** Writes the whole file in one call: no reader sees parts of two documents. */
function overwrite(path: string, file: number, document: unknown): void {
  try {
    const text = JSON.stringify({ version: stateVersion, document });
    const bytes = Buffer.byteLength(text);
    if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
    fs.writeSync(file, text + " ".repeat(maxBytes - bytes), 0);
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `cannot write "${path}": ${toMessage(cause)}`, { cause });
  }
}

/** Size in bytes, which blanks fill. */
const maxBytes = 256;
