import { expect } from "bun:test";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { type JobFile, outline } from "../support/jobs.ts";

/** A job whose log tells whether something was lost, doubled or run twice. */
export interface MixedJob {
  readonly request: JobFile;
  /** Expects that each command and epilogue ran once, and that the log is exact to the byte. */
  expectWhole(log: readonly JobEvent[]): void;
}

/** The job with this number. Ten in a row have every kind. */
export function toMixedJob(at: number): MixedJob {
  const kind = kinds[at % kinds.length]!;
  const [command, output] = commandsOf[kind];
  const counted = "echo run >>/tmp/count";
  const show = "cat /tmp/count; echo shown >>/tmp/count";
  const commands: readonly (readonly [directive: string, output: string])[] = [
    [counted, ""],
    [command, output],
    [`${counted}; echo job ${at}`, `job ${at}\n`],
    [show, "run\nrun\n"],
  ];
  const epilogues: readonly (readonly [directive: string, output: string])[] = [
    ["echo always $SEMAPHORE_JOB_RESULT | tee -a /tmp/count", "always passed\n"],
    ["echo passed >>/tmp/count; cat /tmp/count", "run\nrun\nshown\nalways passed\npassed\n"],
  ];
  return {
    request: {
      commands: commands.map(([directive]) => directive),
      epilogue_always_commands: [epilogues[0]![0]],
      epilogue_on_pass_commands: [epilogues[1]![0]],
    },
    expectWhole(log) {
      const expected = [...commands, ...epilogues].map((each) => `[${each[0]}] 0: ${each[1]}`);
      const names = expected.map((line) => line.slice(0, line.indexOf("] 0: ") + 1));
      const lines = outline(log);
      // A job whose process dies before its session is open begins anew, with further blocks of the executor.
      const own = lines.slice(1, -1).filter((line) => names.some((name) => line.startsWith(name)));
      expect(own.map(shorten)).toEqual(expected.map(shorten));
      expect(Bun.hash(own.join(""))).toBe(Bun.hash(expected.join("")));
      expect([lines[0], lines.at(-1)]).toEqual(["start", "end passed"]);
      const ends = lines.filter((line) => line === "start" || line.startsWith("end "));
      expect(ends).toEqual(["start", "end passed"]);
    },
  };
}

type Kind = "numbers" | "binary" | "silent" | "trapping" | "large";

const kinds: readonly Kind[] = [
  "numbers",
  "binary",
  "silent",
  "trapping",
  "large",
  "numbers",
  "binary",
  "silent",
  "trapping",
  "numbers",
];

const commandsOf: Readonly<Record<Kind, readonly [command: string, output: string]>> = {
  numbers: ["for i in $(seq 250); do echo line $i; sleep 0.1; done", repeat(250, (at) => `line ${at}\n`)],
  // Bytes that are no characters, and one of three bytes that is written in two parts.
  binary: [
    `for i in $(seq 100); do printf '\\000\\377\\303(\\342'; sleep 0.1; printf '\\202\\254 %d\\n' $i; sleep 0.1; done`,
    repeat(100, (at) => `\0\ufffd\ufffd(€ ${at}\n`),
  ],
  silent: ["sleep 20; echo awake; sleep 5", "awake\n"],
  trapping: [
    "trap 'echo trapped' TERM USR1; for i in $(seq 25); do kill -TERM $$; kill -USR1 $$; sleep 0.6; done; trap - TERM USR1",
    repeat(50, () => "trapped\n"),
  ],
  large: [
    "for i in $(seq 15); do seq $((i * 100000)) $((i * 100000 + 99999)); sleep 1; done",
    repeat(1_500_000, (at) => `${at + 99_999}\n`),
  ],
};

function repeat(count: number, toLine: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => toLine(at + 1)).join("");
}

const shorten = (text: string) => (text.length > 600 ? `${text.slice(0, 300)}…${text.slice(-250)}` : text);
