import { expect, test } from "bun:test";
import { testPlugin } from "signalman/testing";
import stopHook from "./index.ts";

test("the command of the variable runs before the stop, which it cannot prevent", async () => {
  await using t = await testPlugin(stopHook, { config: { variable: "CLEAN_UP" }, run: () => 3 });
  await t.call("job:stopping", { cause: { by: "operator", reason: "the program received SIGINT" } });
  expect(t.directives).toEqual([`STOPPED_BY=operator; [ -z "\${CLEAN_UP-}" ] || eval "$CLEAN_UP"`]);
  expect(t.blocks.map(({ directive }) => directive)).toEqual(["CLEAN_UP"]);
  expect(t.logs).toContainEqual(
    expect.objectContaining({ level: "warn", message: "CLEAN_UP of a stopped job has failed" }),
  );
});

test("a variable that is no name of a shell variable is refused", async () => {
  await expect(testPlugin(stopHook, { config: { variable: "A; rm" } })).rejects.toThrow("variable");
});
