import { toSpan } from "../../core/text/amounts.ts";
import { toPrintable } from "../../core/text/printable.ts";
import { type FolderAnswer, renderAgent, type StatusText, toNoAgents, toProblem } from "./agent-answers.ts";

/** A line of the status, as it is drawn. */
export interface StatusRow {
  readonly text: string;
  /** Whether the line has changed a moment ago, apart from times and sizes. */
  readonly isChanged: boolean;
}

/** What agents have answered so far. */
export interface StatusHistory {
  /** Adds the next answers of all agents. `now` is in Unix milliseconds. */
  add(answers: readonly FolderAnswer[], now: number): StatusView;
}

export interface StatusView {
  readonly rows: readonly StatusRow[];
  /** Whether something differs from the answers before, apart from times and sizes. */
  readonly isChanged: boolean;
}

/** Time for which a line is marked. */
const markMs = 5000;
/** Time for which an agent is remembered that no longer runs. */
const goneMs = 3_600_000;

/** Compares the answers of agents with earlier ones, and remembers agents that no longer run. */
export function createStatusHistory(place: string): StatusHistory {
  const agents = new Map<string, { readonly pid: number; readonly seenAt: number }>();
  let before: ReadonlySet<string> | undefined;
  let marks = new Map<string, number>();

  const toGone = (folder: string, now: number): StatusText[] => {
    const agent = agents.get(folder);
    if (agent === undefined) return [];
    if (now - agent.seenAt > goneMs) agents.delete(folder);
    const name = `pid ${agent.pid}, state in ${folder}`;
    const span = toSpan(Math.max(0, now - agent.seenAt) / 1000, 0);
    return [{ text: `agent gone for ${span}: ${name}`, untimed: `agent gone: ${name}` }];
  };
  const toBlock = (answer: FolderAnswer, now: number): StatusText[] => {
    if (answer.kind === "absent") return toGone(answer.folder, now);
    if (answer.kind === "silent") {
      const text = toProblem(answer);
      return [{ text, untimed: text }];
    }
    agents.set(answer.folder, { pid: answer.status.pid, seenAt: now });
    return renderAgent(answer.status, now);
  };

  return {
    add(answers, now) {
      const folders = new Set(answers.map(({ folder }) => folder));
      const removed = [...agents.keys()].filter((folder) => !folders.has(folder));
      const blocks = [
        ...answers.map((answer) => toBlock(answer, now)),
        ...removed.map((folder) => toGone(folder, now)),
      ].filter((block) => block.length > 0);
      if (blocks.length === 0) blocks.push([{ text: toNoAgents(place), untimed: "" }]);
      const lines = blocks.flatMap((block, index) => (index === 0 ? block : [blank, ...block]));
      const known = before ?? new Set(lines.map(({ untimed }) => untimed));
      const current = new Set(lines.map(({ untimed }) => untimed));
      const isChanged = before === undefined || current.symmetricDifference(known).size > 0;
      marks = toMarks(current, { marks, known, now });
      before = current;
      const rows = lines.map(({ text, untimed }) => ({
        text: toPrintable(text).replaceAll("\n", " "),
        isChanged: marks.has(untimed),
      }));
      return { rows, isChanged };
    },
  };
}

const blank: StatusText = { text: "", untimed: "" };

/** Returns the lines that are marked, with the time until which they are. */
function toMarks(
  current: ReadonlySet<string>,
  { marks, known, now }: { marks: ReadonlyMap<string, number>; known: ReadonlySet<string>; now: number },
): Map<string, number> {
  const kept = new Map<string, number>();
  for (const line of current) {
    const until = known.has(line) ? (marks.get(line) ?? 0) : now + markMs;
    if (until > now && line !== "") kept.set(line, until);
  }
  return kept;
}
