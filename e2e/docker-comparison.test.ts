import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import type { JobEvent } from "../src/core/contracts/job-events.ts";
import { closeEngine, createContainerScene, testEngine } from "./containers.ts";
import { images } from "./engine/images.ts";
import { root } from "./fixtures.ts";
import { type JobFile, outline, toEvents } from "./jobs.ts";

beforeAll(async () => {
  await testEngine();
}, 600_000);

afterAll(closeEngine);

const directory = path.join(root, "docs/examples");
/** Blocks that only a job in containers has (protocol section 5.4). */
const setUp = /^\[(Pulling docker images\.\.\.|Starting the docker image\.\.\.)\] 0: /;

/** The examples that are jobs of the shell, and commands that show what a session is. */
const jobs: readonly (readonly [string, JobFile])[] = [
  ...readdirSync(directory)
    .filter((file) => /\.(yaml|json)$/.test(file) && file !== "containers.yaml" && file !== "stop.yaml")
    .map((file) => [file, file] as const)
    .map(([name, file]) => [name, { file }] as const),
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

test.each(jobs)("%s gives the same events in a shell and in a container", async (_, job) => {
  await using scene = await createContainerScene();
  const written =
    "file" in job
      ? (parse(await Bun.file(path.join(directory, String(job["file"]))).text()) as JobFile)
      : job;
  const inContainer: JobFile = {
    ...written,
    executor: "dockercompose",
    compose: { containers: [{ name: "main", image: images.debian }] },
  };
  const inShell: JobFile = { ...written, executor: "shell" };
  const [shell, container] = [await run(scene, inShell), await run(scene, inContainer)];
  expect(container.exitCode).toBe(shell.exitCode);
  const lines = toComparable(container.events, scene.tester.home);
  expect(lines.filter((line) => !setUp.test(line))).toEqual(toComparable(shell.events, scene.tester.home));
});

async function run(scene: Awaited<ReturnType<typeof createContainerScene>>, job: JobFile) {
  const file = await scene.tester.write("job.json", JSON.stringify(job));
  // As in a container: bash takes its words for what it refuses from the locale.
  const { exitCode, stdout } = await scene.tester.run(["run", file, "--json"], {
    env: { ...scene.env, LANG: "C" },
  });
  return { exitCode, events: toEvents(stdout) };
}

/** What a reader sees, without what differs by nature: the home's path in the shell's injections, and how output was cut into events. */
function toComparable(events: readonly JobEvent[], home: string): string[] {
  return outline(events).map((line) => line.replaceAll(`Injecting ${home}/`, "Injecting "));
}
