import { expect, test } from "bun:test";
import { createServedCommand } from "../../../src/job/journal/served-command.ts";

async function runTwo(options: {
  readonly isServed?: boolean;
  readonly code?: number;
  readonly text?: string | Uint8Array;
  readonly isStopped?: boolean;
}): Promise<string> {
  const { isServed = true, code = 128, text = "fatal\n", isStopped = false } = options;
  const stopping = new AbortController();
  if (isStopped) stopping.abort();
  const call = createServedCommand({ isServed }, stopping.signal);
  let shown = "";
  for (let round = 0; round < 2; round += 1) {
    const found = await call(
      async (output) => {
        output(text);
        return code;
      },
      (chunk) => void (shown += Buffer.from(chunk).toString()),
    );
    expect(found).toBe(code);
  }
  return shown;
}

const line =
  "[signalman: the job's process died while it served this command, such as a checkout from a git mirror; the next process cannot serve it]\n";

test("the first command of a further process that fails without the earlier one has the reason below its output", async () => {
  expect(await runTwo({})).toBe(`fatal\n${line}fatal\n`);
  expect(await runTwo({ text: "no end of line" })).toBe(`no end of line\n${line}no end of line`);
  expect(await runTwo({ text: Buffer.from("fatal\n") })).toBe(`fatal\n${line}fatal\n`);
});

test("a command that passes, was not served, or is stopped has no such line", async () => {
  for (const options of [{ code: 0 }, { isServed: false }, { isStopped: true }])
    expect(await runTwo(options)).toBe("fatal\nfatal\n");
});
