import * as fs from "node:fs";
import type { JobTimeline } from "../../core/contracts/job-board.ts";
import type { EndedPhase } from "../../core/contracts/job-phases.ts";
import type { TimedPull } from "../../core/contracts/job-summary.ts";
import { findEntry, openStateFile } from "../../os/state/file.ts";
import {
  halve,
  mostBlocks,
  mostSpans,
  parseLine,
  type RecordedBlock,
  type TimelineFrame,
  type TimelineLine,
  type UsageSample,
} from "./lines.ts";
import { mostTimelineBytes } from "./timeline-file.ts";

/** Reads a timeline that may still grow. */
export interface TimelineReader {
  /** Reads what was added since the last call. Never throws: what cannot be read is left out. */
  read(): JobTimeline;
}

/** Number of samples that a reader keeps. */
const mostSamples = 4096;

export function createTimelineReader(path: string): TimelineReader {
  let state = createState();
  return {
    read() {
      const entry = findEntry(path);
      if (entry?.isFile()) {
        // A thinned file is another one.
        if (entry.ino !== state.inode || entry.size < state.offset) state = createState(entry.ino);
        if (entry.size > state.offset) readMore(path, state);
      }
      const { frame, samples, blocks, phases, pulls } = state;
      const { limits, processors, assignedAt } = frame;
      return {
        limits,
        processors,
        samples,
        blocks,
        phases,
        pulls,
        ...(assignedAt !== undefined && { assignedAt }),
      };
    },
  };
}

interface State {
  readonly inode: number;
  offset: number;
  frame: TimelineFrame;
  samples: UsageSample[];
  readonly blocks: RecordedBlock[];
  readonly phases: EndedPhase[];
  readonly pulls: TimedPull[];
}

function createState(inode = -1): State {
  const frame = { limits: {}, processors: 0 };
  return { inode, offset: 0, frame, samples: [], blocks: [], phases: [], pulls: [] };
}

function readMore(path: string, state: State): void {
  const lines = readLines(path, state);
  for (const line of lines) {
    const parsed = parseLine(line);
    if (parsed) add(state, parsed);
  }
}

/** Returns whole lines. A job may have written to its file: what is beyond its size is not read. */
function readLines(path: string, state: State): string[] {
  try {
    const fd = openStateFile(path, "read");
    try {
      if (fs.fstatSync(fd).ino !== state.inode) return [];
      const buffer = Buffer.allocUnsafe(Math.max(0, mostTimelineBytes - state.offset));
      const count = fs.readSync(fd, buffer, 0, buffer.length, state.offset);
      const end = buffer.subarray(0, count).lastIndexOf(0x0a) + 1;
      state.offset += end;
      return buffer.toString("utf8", 0, end).split("\n");
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return [];
  }
}

function add(state: State, line: TimelineLine): void {
  switch (line.is) {
    case "frame":
      state.frame = line.frame;
      return;
    case "block":
      if (state.blocks.length < mostBlocks) state.blocks.push(line.block);
      return;
    case "phase":
      if (hasSpace(state)) state.phases.push(line.phase);
      return;
    case "pull":
      if (hasSpace(state)) state.pulls.push(line.pull);
      return;
    case "sample":
      // In the order of their times, whatever a clock or a job did.
      if (line.sample.at <= (state.samples.at(-1)?.at ?? -1)) return;
      state.samples.push(line.sample);
      if (state.samples.length > mostSamples) state.samples = halve(state.samples);
  }
}

function hasSpace({ phases, pulls }: State): boolean {
  return phases.length + pulls.length < mostSpans;
}
