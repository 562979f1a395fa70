import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { inDirectory, openStateFile, readStateText, removeEntry } from "../../os/state/file.ts";
import { formatSample, halve, parseLine } from "./lines.ts";

/** The file of a job's timeline, beside its log. It has at most 1 MiB. */
export interface TimelineFile extends Disposable {
  /** Appends a line, unless the disk refuses it. Returns whether the file was full, and was thinned before. */
  append(line: string): boolean;
}

/** Bytes of a file. */
export const mostTimelineBytes = 2 ** 20;

/** Opens the file of a job, also one that an earlier process of the job has begun. Throws the error of the system. */
export function openTimelineFile(path: string): TimelineFile {
  let fd = openStateFile(path, "append");
  let bytes = fs.fstatSync(fd).size;
  /** What a full disk has cut is ended first. */
  let isTorn = bytes > 0;

  function thin(): void {
    const kept = toThinner(readStateText(path, mostTimelineBytes * 2));
    const temporary = `${path}.new`;
    removeEntry(temporary);
    const next = openStateFile(temporary, "create");
    try {
      fs.writeSync(next, kept);
      inDirectory(dirname(path), (at) => fs.renameSync(at(basename(temporary)), at(basename(path))));
    } catch (error) {
      fs.closeSync(next);
      removeEntry(temporary);
      throw error;
    }
    fs.closeSync(fd);
    fd = next;
    bytes = Buffer.byteLength(kept);
  }

  return {
    append(line) {
      const text = Buffer.from(`${isTorn ? "\n" : ""}${line}\n`);
      const isFull = bytes + text.length > mostTimelineBytes;
      try {
        if (isFull) thin();
        const written = fs.writeSync(fd, text);
        bytes += written;
        isTorn = written < text.length;
      } catch {
        isTorn = true;
      }
      return isFull;
    },
    [Symbol.dispose]: () => fs.closeSync(fd),
  };
}

/** Returns the lines with half of the samples. */
function toThinner(text: string): string {
  const lines = text.split("\n").flatMap((line) => parseLine(line) ?? []);
  const samples = halve(lines.flatMap((line) => (line.is === "sample" ? line.sample : [])));
  const others = text.split("\n").filter((line) => {
    const is = parseLine(line)?.is;
    return is !== undefined && is !== "sample";
  });
  return [...others, ...samples.map(formatSample), ""].join("\n");
}
