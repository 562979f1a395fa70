import { afterAll, describe, expect, test } from "bun:test";
import { getPriority, tmpdir as findTmpdir } from "node:os";
import { definePlugin, type ExecutorContext, executorWrapper } from "../../src/index.ts";
import {
  builtIn,
  createJobExecutor,
  environmentVariable,
  executorContext,
  testExecutor,
  testPlugin,
  tmpdir,
} from "../../src/testing/index.ts";

/**
 * Stays between the terminal and the shell, as bwrap does. `nice` and others replace themselves by the
 * command.
 */
const fork = ["sh", "-c", '"$@"; exit $?', "sh"];

/** Hides the temporary directory of the host, and lets through what the contract names. */
const sandbox = ({ hostPaths, environment }: ExecutorContext) => [
  ..."bwrap --bind / / --dev /dev --proc /proc --tmpfs".split(" "),
  findTmpdir(),
  ...[{ path: environment["HOME"]!, isWritten: true }, ...hostPaths].flatMap(({ path, isWritten }) => [
    isWritten ? "--bind" : "--ro-bind",
    path,
    path,
  ]),
  "--",
];

const canSandbox =
  Bun.which("bwrap") !== null &&
  Bun.spawnSync(["bwrap", "--bind", "/", "/", "--tmpfs", "/tmp", "true"]).exitCode === 0;

async function setUp(...prefixes: readonly ((context: ExecutorContext) => readonly string[])[]) {
  const plugin = definePlugin({
    name: "prefixes",
    setup(ctx) {
      for (const [index, commandPrefix] of prefixes.entries())
        ctx.provide(executorWrapper, `prefix-${index}`, { commandPrefix });
    },
  });
  return testPlugin(plugin, { with: [await builtIn("shell")] });
}

const forked = await setUp(() => fork);
afterAll(() => forked[Symbol.asyncDispose]());
testExecutor({
  name: "shell behind a prefix",
  create: (context) => createJobExecutor(forked, "shell", context),
});

describe.skipIf(!canSandbox)("a sandbox that lets context.hostPaths through", async () => {
  const sandboxed = await setUp(sandbox);
  afterAll(() => sandboxed[Symbol.asyncDispose]());
  testExecutor({
    name: "shell in a sandbox with a private /tmp",
    create: (context) => createJobExecutor(sandboxed, "shell", context),
  });
});

test("the prefix applies to the session and everything in it", async () => {
  const niceness = getPriority() + 5;
  expect(await run("nice; sh -c nice", () => ["nice", "-n", "5"])).toBe(`${niceness}\n${niceness}\n`);
});

test("prefixes are nested in the order of the configuration, the first one outermost", async () => {
  const outer = () => ["env", "OUTER=1", "INNER=0"];
  expect(await run('echo "$OUTER $INNER"', outer, () => ["env", "INNER=1"])).toBe("1 1\n");
});

test("prefixes that cannot be run fail the start, and the error names them and their plugins", async () => {
  const failing = run(
    "true",
    () => ["nice"],
    () => [],
    () => ["no-such-program", "-x"],
  );
  await expect(failing).rejects.toMatchObject({
    code: "SESSION_FAILED",
    message: expect.stringMatching(
      /^behind the prefix "nice" of plugin "prefixes" and the prefix "no-such-program -x" of plugin "prefixes": plugin "shell" failed in executor "shell"\.start: .*exited before it was ready; its output: .*no-such-program/,
    ),
  });
});

test.skipIf(!canSandbox)(
  "a prefix that hides the job's directory fails the start at once, and the error names the file",
  async () => {
    const hiding = run("true", () => [
      "bwrap",
      "--bind",
      "/",
      "/",
      "--dev",
      "/dev",
      "--tmpfs",
      findTmpdir(),
      "--",
    ]);
    await expect(hiding).rejects.toThrow(/cannot read ".*\/command": a sandbox around it must let/);
  },
);

test("exported variables do not pass through the host's temporary directory", async () => {
  await using t = await setUp(() => fork);
  await using directory = await tmpdir();
  await using session = createJobExecutor(t, "shell", executorContext(directory.path));
  expect(await session.start(new AbortController().signal)).toBe(0);
  expect(await session.exportEnvironment([environmentVariable("A", "b")], () => {})).toBe(0);
  expect([...new Bun.Glob(".env-*").scanSync({ cwd: directory.path, dot: true })]).toHaveLength(1);
});

/** Runs a command in the shell behind prefixes, and returns its output. */
async function run(
  directive: string,
  ...prefixes: readonly ((context: ExecutorContext) => readonly string[])[]
): Promise<string> {
  await using t = await setUp(...prefixes);
  await using directory = await tmpdir();
  await using session = createJobExecutor(t, "shell", executorContext(directory.path));
  expect(await session.start(new AbortController().signal)).toBe(0);
  let output = "";
  await session.run(directive, (chunk) => (output += Buffer.from(chunk as Uint8Array).toString()));
  return output.replaceAll("\r", "");
}
