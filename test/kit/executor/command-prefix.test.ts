import { afterAll, expect, test } from "bun:test";
import { definePlugin, executor } from "../../../src/index.ts";
import { createPrefixed } from "../../../src/executor.ts";
import {
  builtIn,
  dummyExecutor,
  executorContext,
  testExecutor,
  testPlugin,
  tmpdir,
} from "../../../src/testing/index.ts";

/**
 * Stays between the terminal and the shell, as bwrap does. `nice` and others replace themselves by the
 * command.
 */
const fork = ["sh", "-c", '"$@"; exit $?', "sh"];

const decorator = definePlugin({
  name: "decorator",
  setup(ctx) {
    ctx.provide(executor, "fork", {
      create: (context) => createPrefixed(ctx.use(executor, "shell"), fork, context),
    });
    ctx.provide(executor, "nested", {
      acceptsCommandPrefix: true,
      create: (context) => createPrefixed(ctx.use(executor, "shell"), ["env", "INNER=1"], context),
    });
    ctx.provide(executor, "dummy", dummyExecutor);
  },
});

const t = await testPlugin(decorator, { with: [await builtIn("shell")] });
afterAll(() => t[Symbol.asyncDispose]());

testExecutor({ name: "shell behind a prefix", create: (context) => t.use(executor, "fork").create(context) });

test("the prefix applies to the session and everything in it", async () => {
  expect(await run(["nice", "-n", "5"], "nice; sh -c nice")).toBe("5\n5\n");
});

test("prefixes are nested, the outermost first", async () => {
  expect(await run(["env", "OUTER=1", "INNER=0"], 'echo "$OUTER $INNER"', "nested")).toBe("1 1\n");
});

test("a prefix that cannot be run fails the start and is named", async () => {
  await expect(run(["no-such-program"], "true")).rejects.toThrow("no-such-program");
});

test("an executor that would ignore the prefix is refused", () => {
  const create = () => createPrefixed(t.use(executor, "dummy"), ["nice"], executorContext("/nonexistent"));
  expect(create).toThrow('the executor runs no command prefix "nice"');
});

test("an unknown built-in plugin is refused, with the nearest name", async () => {
  await expect(builtIn("shel")).rejects.toThrow('no plugin named "shel" (nearest: shell)');
});

/** Runs a command in the executor `inner` behind a prefix, and returns its output. */
async function run(prefix: readonly string[], directive: string, inner = "shell"): Promise<string> {
  await using directory = await tmpdir();
  await using session = createPrefixed(t.use(executor, inner), prefix, executorContext(directory.path));
  expect(await session.start(new AbortController().signal)).toBe(0);
  let output = "";
  await session.run(directive, (chunk) => (output += Buffer.from(chunk as Uint8Array).toString()));
  return output.replaceAll("\r", "");
}
