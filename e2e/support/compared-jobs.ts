import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { root } from "./fixtures.ts";
import { type JobFile, outline } from "./jobs.ts";

const directory = path.join(root, "docs/examples");

/** The examples that are jobs of the shell, and commands that show what a session is. */
export const comparedJobs: readonly (readonly [string, JobFile])[] = [
  ...readdirSync(directory)
    .filter((file) => /\.(yaml|json)$/.test(file) && file !== "containers.yaml" && file !== "stop.yaml")
    .map((file) => [file, parse(readFileSync(path.join(directory, file), "utf8")) as JobFile] as const),
  [
    "a session's state, exit codes, output and death",
    {
      env: { QUOTED: `it's "quoted" $HOME`, LINES: "one\ntwo\n" },
      files: [{ path: "folder/file name", text: "content\n", mode: "0640" }],
      commands: [
        `echo "$QUOTED$LINES"; cat 'folder/file name'; stat -c %a 'folder/file name'`,
        "cd folder; plain=1; export exported=2; greet() { echo hi $1; }; umask 027; set -f",
        "dirs; echo $plain $exported; greet you; umask; echo /*; set +f",
        'stty size; tty -s && echo tty; echo $-; echo "[$PS1]"',
        String.raw`printf '\001\002\377 no newline'; printf '\033[31mred\033[0m\r\nnext\n'`,
        "seq 1 5000; echo to stderr >&2",
        "((sleep 0.2; echo from behind) &) ; sleep 0.5",
        "cat <<'END'\n$not `expanded`\nEND",
        `sh -c 'kill -INT $$'; echo "$?"; trap 'echo trapped' USR1; kill -USR1 $$`,
        "false | true; echo ${PIPESTATUS[*]}; (exit 42) || echo $?",
        { alias: "Named", directive: "echo under another name" },
        "echo last words; exit 3",
        "echo never",
      ],
      epilogue_always_commands: ["echo always $SEMAPHORE_JOB_RESULT"],
      epilogue_on_fail_commands: ["echo on fail"],
    },
  ],
  [
    "a result that is set from inside",
    { commands: ["export SEMAPHORE_JOB_RESULT=passed; (exit 130)", "echo never"] },
  ],
];

/**
 * What a reader sees, without what differs by nature: the home's path in the shell's injections, and how
 * output was cut into events.
 */
export function toComparable(events: readonly JobEvent[], home: string): string[] {
  return outline(events).map((line) => line.replaceAll(`Injecting ${home}/`, "Injecting "));
}
