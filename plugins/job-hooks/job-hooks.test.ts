import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobEvent } from "signalman";
import { testPlugin, tmpdir, toEvents } from "signalman/testing";
import plugin from "./index.ts";

const preJob = "Running the pre-job hook configured in the agent";
const postJob = "Running the post-job hook configured in the agent";
const proceeds = "Warning: The agent is configured to proceed with the job even if the pre-job hook fails.\n";
const fails = "Warning: The agent is configured to fail the job if the pre-job hook fails.\n";

describe("the command that the session runs", () => {
  const commandOf = async (flags: Record<string, string>) => {
    await using t = await testPlugin(plugin, { roles: ["job"], flags });
    await t.call("job:prepare");
    await t.call("job:finish");
    return t.directives;
  };

  test("is nothing without a path", async () => {
    expect(await commandOf({})).toEqual([]);
    expect(await commandOf({ "pre-job-hook-path": "", "post-job-hook-path": "" })).toEqual([]);
  });

  test("runs the script with bash or sources it", async () => {
    expect(await commandOf({ "pre-job-hook-path": "/a/b.sh" })).toEqual(["bash /a/b.sh"]);
    expect(await commandOf({ "pre-job-hook-path": "/a/b.sh", "source-pre-job-hook": "true" })).toEqual([
      "source /a/b.sh",
    ]);
    expect(await commandOf({ "post-job-hook-path": "/c.sh", "source-pre-job-hook": "true" })).toEqual([
      "bash /c.sh",
    ]);
  });

  test("quotes a path with special characters", async () => {
    expect(await commandOf({ "post-job-hook-path": "/my hooks/it's; rm.sh" })).toEqual([
      `bash '/my hooks/it'"'"'s; rm.sh'`,
    ]);
  });

  test("leaves ~ and variables to the session's shell", async () => {
    expect(await commandOf({ "post-job-hook-path": "~/hook.sh" })).toEqual(["bash ~/hook.sh"]);
    expect(await commandOf({ "post-job-hook-path": "${HOOKS}/a.sh" })).toEqual(["bash ${HOOKS}/a.sh"]);
  });
});

describe("a pre-job hook that fails", () => {
  const options = { run: () => 3 };

  test("is logged in the agent's log, and the job continues", async () => {
    await using t = await testPlugin(plugin, { ...options, flags: { "pre-job-hook-path": "/a.sh" } });
    await t.call("job:prepare");
    expect(t.blocks).toMatchObject([
      { directive: preJob, output: `Running: bash /a.sh\n${proceeds}`, exitCode: 3 },
    ]);
    expect(t.logs).toContainEqual(
      expect.objectContaining({ level: "warn", message: 'the pre-job hook "/a.sh" failed with exit code 3' }),
    );
  });

  test("fails the job with fail-on-pre-job-hook-error", async () => {
    const flags = { "pre-job-hook-path": "/a.sh", "fail-on-pre-job-hook-error": "true" };
    await using t = await testPlugin(plugin, { ...options, flags });
    await expect(t.call("job:prepare")).rejects.toMatchObject({
      code: "JOB_FAILED",
      message: expect.stringContaining('the pre-job hook "/a.sh" failed with exit code 3'),
    });
    expect(t.blocks).toMatchObject([{ output: `Running: bash /a.sh\n${fails}`, exitCode: 3 }]);
  });
});

test("a post-job hook that fails is only logged", async () => {
  await using t = await testPlugin(plugin, { run: () => 4, flags: { "post-job-hook-path": "/c.sh" } });
  await t.call("job:finish");
  expect(t.logs).toContainEqual(
    expect.objectContaining({ level: "warn", message: 'the post-job hook "/c.sh" failed with exit code 4' }),
  );
});

describe("in the real program", () => {
  test("both scripts run in the job's session, before its commands and after its epilogues", async () => {
    const { blocks, code } = await run({
      pre: 'echo "pre sees $FROM_JOB"; export LOST=yes',
      post: 'echo "post sees $FROM_JOB and $FROM_COMMAND and $SEMAPHORE_JOB_RESULT"; exit 9',
      commands: ['echo "lost: $LOST"; export FROM_COMMAND=command'],
    });
    expect(blocks).toEqual([
      "Exporting environment variables → 0: Exporting FROM_JOB\n",
      "Injecting Files → 0: ",
      `${preJob} → 0: Running: bash $DIR/pre.sh\n${proceeds}pre sees job\n`,
      'echo "lost: $LOST"; export FROM_COMMAND=command → 0: lost: \n',
      "Exporting environment variables → 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "echo epilogue → 0: epilogue\n",
      `${postJob} → 9: Running: bash $DIR/post.sh\npost sees job and command and passed\n`,
    ]);
    expect(code).toBe(0);
  });

  test("variables and directory of a sourced script remain for the commands", async () => {
    const { blocks } = await run({
      pre: "export KEPT=yes; cd /usr",
      flags: ["--source-pre-job-hook"],
      commands: ['echo "$KEPT $PWD"'],
    });
    expect(blocks[2]).toBe(`${preJob} → 0: Running: source $DIR/pre.sh\n${proceeds}`);
    expect(blocks[3]).toBe('echo "$KEPT $PWD" → 0: yes /usr\n');
  });

  test("with fail-on-pre-job-hook-error a failed pre-job hook is the last block before the epilogues", async () => {
    const { blocks, code } = await run({
      pre: "echo no; exit 3",
      post: "echo post",
      flags: ["--fail-on-pre-job-hook-error"],
      commands: ["echo never"],
    });
    expect(blocks.slice(2)).toEqual([
      `${preJob} → 3: Running: bash $DIR/pre.sh\n${fails}no\n`,
      "Exporting environment variables → 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "echo epilogue → 0: epilogue\n",
      `${postJob} → 0: Running: bash $DIR/post.sh\npost\n`,
    ]);
    expect(code).toBe(1);
  });

  test("a missing script does not fail the job", async () => {
    const { blocks, code } = await run({
      flags: ["--pre-job-hook-path", "/nowhere/pre.sh"],
      commands: ["true"],
    });
    expect(blocks[2]).toStartWith(
      `${preJob} → 127: Running: bash /nowhere/pre.sh\n${proceeds}bash: /nowhere/pre.sh: `,
    );
    expect(code).toBe(0);
  });

  test("after a stop the post-job hook runs in a new session with the job's variables", async () => {
    const { blocks, code } = await run({
      post: 'echo "post sees $FROM_JOB and $FROM_COMMAND."',
      commands: ["export FROM_COMMAND=command; kill -INT $AGENT_PID; sleep 60"],
    });
    expect(blocks.at(-1)).toBe(`${postJob} → 0: Running: bash $DIR/post.sh\npost sees job and .\n`);
    expect(code).toBe(130);
  });

  test("a job without a session has no post-job hook", async () => {
    const { blocks, code } = await run({
      post: "echo post",
      commands: ["true"],
      profile: "exit 7",
    });
    expect(blocks).toEqual([expect.stringContaining("Starting the shell executor → 1: ")]);
    expect(code).toBe(1);
  });
});

interface RunOptions {
  readonly pre?: string;
  readonly post?: string;
  readonly commands: readonly string[];
  /** The user's login profile. */
  readonly profile?: string;
  readonly flags?: readonly string[];
}

/** Runs a job with these scripts in the real program. Returns its blocks as `directive → exit code: output`. */
async function run({ pre, post, commands, profile, flags = [] }: RunOptions) {
  await using tmp = await tmpdir();
  const file = (name: string, text: string): string => {
    const path = join(tmp.path, name);
    writeFileSync(path, text);
    return path;
  };
  const job = { name: "a job", env_vars: [{ name: "FROM_JOB", value: btoa("job") }] };
  const epilogue_always_commands = [{ directive: "echo epilogue" }];
  const request = {
    ...job,
    commands: commands.map((directive) => ({ directive })),
    epilogue_always_commands,
  };
  const words = [
    "run",
    file("job.json", JSON.stringify(request)),
    "--json",
    ...flags,
    ...(pre === undefined ? [] : ["--pre-job-hook-path", file("pre.sh", pre)]),
    ...(post === undefined ? [] : ["--post-job-hook-path", file("post.sh", post)]),
  ];
  if (profile !== undefined) file(".bash_profile", profile);
  const main = join(import.meta.dir, "../../src/main.ts");
  // `exec` keeps the pid, so $$ is the pid of the program.
  const child = Bun.spawn(
    ["bash", "-c", 'AGENT_PID=$$ exec "$@"', "bash", process.execPath, main, ...words],
    {
      cwd: tmp.path,
      env: { PATH: process.env["PATH"]!, HOME: tmp.path, TMPDIR: tmp.path, LANG: "C.UTF-8" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const [text, , code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { blocks: toBlocks(toEvents(text)).map((block) => block.replaceAll(tmp.path, "$DIR")), code };
}

function toBlocks(events: readonly JobEvent[]): string[] {
  const blocks: string[] = [];
  let output = "";
  for (const event of events) {
    if (event.event === "cmd_started") output = "";
    if (event.event === "cmd_output") output += event.output;
    if (event.event === "cmd_finished") blocks.push(`${event.directive} → ${event.exit_code}: ${output}`);
  }
  return blocks;
}
