import { closeSync, ftruncateSync, writeSync } from "node:fs";
import { AgentError } from "../../core/errors.ts";
import { openStateFile, readWhole } from "../../os/state/file.ts";
import type { JournalRecord } from "./journal-records.ts";

/** A journal on disk: a line for each record, its CRC-32 in front. */
export interface JournalFile extends Disposable {
  /** Synchronous. Throws the error of the system; the line is then removed again, or torn. */
  append(record: JournalRecord): void;
}

/** Maximum size of a journal. A job of 10,000 commands needs 5 MB. */
const maxBytes = 64 * 2 ** 20;

/** Opens a journal, readable by its owner only. A torn line at its end is removed. */
export function openJournal(path: string): JournalFile {
  const { bytes } = readLines(path, "lock");
  const fd = openStateFile(path, "lock");
  ftruncateSync(fd, bytes);
  let end = bytes;
  return {
    append(record) {
      const line = Buffer.from(toLine(JSON.stringify(record)));
      if (end + line.length > maxBytes) throw new AgentError("FILE_FAILED", `"${path}" is full`);
      try {
        for (let at = 0; at < line.length;) at += writeSync(fd, line, at, line.length - at, end + at);
      } catch (error) {
        ftruncateSync(fd, end);
        throw error;
      }
      end += line.length;
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** Reads the records up to the first line that is torn or damaged. Throws the error of the system. */
export function readJournal(path: string): JournalRecord[] {
  return readLines(path, "read").records;
}

function readLines(path: string, access: "read" | "lock"): { records: JournalRecord[]; bytes: number } {
  const content = readWhole(openStateFile(path, access), maxBytes);
  const records: JournalRecord[] = [];
  let bytes = 0;
  for (let end = content.indexOf(newline); end >= 0; end = content.indexOf(newline, bytes)) {
    const line = content.subarray(bytes, end).toString();
    const json = line.slice(checksumLength + 1);
    if (toLine(json) !== `${line}\n`) break;
    records.push(JSON.parse(json) as JournalRecord);
    bytes = end + 1;
  }
  return { records, bytes };
}

const newline = 0x0a;
const checksumLength = 8;

function toLine(json: string): string {
  return `${Bun.hash.crc32(json).toString(16).padStart(checksumLength, "0")} ${json}\n`;
}
