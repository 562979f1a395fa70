import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { askJob } from "../../src/kit/ask-job.ts";
import { jobMessagesVersion, maxMessageBytes } from "../../src/job/commands/messages.ts";
import { listenToJob } from "../../src/job/commands/job-socket.ts";
import { createRedactCommand, redactLimits } from "../../plugins/redact/job-command.ts";
import { createRedactor, mask } from "../../plugins/redact/redactor.ts";
import { tmpdir } from "../../src/testing/fixtures.ts";
import { createTestCalls } from "./command-calls.ts";

const version = jobMessagesVersion;
const encode = (text: string) => Buffer.from(text).toString("base64");

async function openSocket() {
  const tmp = await tmpdir();
  const path = join(tmp.path, "socket");
  const redactor = createRedactor();
  const told: string[] = [];
  const add = (values: readonly Uint8Array[]) => {
    redactor.add(values);
    told.push(...values.map((value) => Buffer.from(value).toString()));
  };
  const calls = createTestCalls(new Map([["redact", createRedactCommand({ add })]]));
  const listening = listenToJob({ path, calls });
  return {
    path,
    redactor,
    told,
    env: { SIGNALMAN_JOB_SOCKET: path },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      await tmp[Symbol.asyncDispose]();
    },
  };
}

/**
 * Sends messages and returns the answers until the job closes the connection or `count` answers have arrived.
 */
function say(path: string, text: string, count = Number.POSITIVE_INFINITY): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket: Socket = connect(path, () => socket.write(text));
    const finish = () => {
      socket.destroy();
      resolve(
        heard
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown),
      );
    };
    socket.on("error", reject).on("close", finish);
    socket.on("data", (bytes) => {
      heard += bytes.toString();
      if (heard.split("\n").length > count) finish();
    });
  });
}

test("an added value is masked before the answer, and listeners are notified", async () => {
  await using job = await openSocket();
  await askJob({ do: "redact", values: [encode("run-time"), encode("line one\nline two")] }, job.env);
  expect(job.redactor.redactText(`run-time ${encode("run-time")} line one\r\nline two`)).toBe(
    `${mask} ${mask}U= ${mask}`,
  );
  expect(job.told).toEqual(["run-time", "line one\nline two"]);
});

test("several messages of a connection are answered in order", async () => {
  await using job = await openSocket();
  const lines = ["value-1", "value-2"].map((value) =>
    JSON.stringify({ version, do: "redact", values: [encode(value)] }),
  );
  expect(await say(job.path, `${lines.join("\n")}\n`, 2)).toEqual([
    { is: "done", version, answer: {} },
    { is: "done", version, answer: {} },
  ]);
  expect(job.told).toEqual(["value-1", "value-2"]);
});

test.each([
  ["no JSON", "hello\n", "the message is no JSON object"],
  ["no object", "null\n", "the message is no JSON object"],
  ["another version", `${JSON.stringify({ version: 2, do: "redact" })}\n`, "the job speaks version 1, not 2"],
  ["no version", `${JSON.stringify({ do: "redact" })}\n`, "the job speaks version 1, not undefined"],
  [
    "an unknown command",
    `${JSON.stringify({ version, do: "constructor" })}\n`,
    'no command "constructor" (known: redact)',
  ],
  ["no values", `${JSON.stringify({ version, do: "redact" })}\n`, '"values" is no list'],
  ["no base64", `${JSON.stringify({ version, do: "redact", values: ["?"] })}\n`, "a value is not base64"],
  ["no text", `${JSON.stringify({ version, do: "redact", values: [12] })}\n`, "a value is not base64"],
  [
    "a short value",
    `${JSON.stringify({ version, do: "redact", values: [encode("long-enough"), encode("short")] })}\n`,
    "a value is shorter than 6 bytes, and cannot be masked",
  ],
  [
    "a long value",
    `${JSON.stringify({ version, do: "redact", values: [encode("x".repeat(redactLimits.valueBytes + 1))] })}\n`,
    `a value is longer than ${redactLimits.valueBytes} bytes`,
  ],
  [
    "a line that never ends",
    "x".repeat(maxMessageBytes + 1),
    `a message is longer than ${maxMessageBytes} bytes`,
  ],
])("%s is refused, the connection is closed, and the job listens on", async (_, text, why) => {
  await using job = await openSocket();
  expect(await say(job.path, text)).toMatchObject([{ is: "refused", version, why }]);
  expect(job.told).toEqual([]);
  await askJob({ do: "redact", values: [encode("afterwards")] }, job.env);
  expect(job.told).toEqual(["afterwards"]);
});

test("the number of added values is limited; a repeated value counts once", async () => {
  await using job = await openSocket();
  for (let round = 0; round < 10; round += 1) {
    const values = Array.from({ length: redactLimits.values / 10 }, (_, index) =>
      encode(`value-${round}-${index}`),
    );
    await askJob({ do: "redact", values: [...values, ...values, encode("value-0-0")] }, job.env);
  }
  await expect(askJob({ do: "redact", values: [encode("one-more")] }, job.env)).rejects.toMatchObject({
    code: "JOB_REFUSED",
    message: `a job can add ${redactLimits.values} values, and no more`,
  });
  expect(job.told.length).toBe(redactLimits.values);
});

test("a job that has closed many silent connections can still send messages", async () => {
  await using job = await openSocket();
  const silent = await Promise.all(
    Array.from(
      { length: 128 },
      () =>
        new Promise<Socket>((resolve) => {
          const socket: Socket = connect(job.path, () => resolve(socket));
        }),
    ),
  );
  const why = "too many processes call commands of the job";
  expect(await say(job.path, "{}\n")).toEqual([{ is: "refused", version, code: "busy", why }]);
  const waiting = askJob({ do: "redact", values: [encode("waiting")] }, job.env);
  await Promise.all(silent.map((socket) => new Promise((resolve) => socket.on("close", resolve).end())));
  await askJob({ do: "redact", values: [encode("heard-again")] }, job.env);
  // A process that finds the job busy tries again.
  await waiting;
  expect(job.told.toSorted()).toEqual(["heard-again", "waiting"]);
});

test("only the job's user can connect to the socket, which is removed with the job", async () => {
  const job = await openSocket();
  expect(statSync(job.path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(job.path)).mode & 0o077).toBe(0);
  await job[Symbol.asyncDispose]();
  await expect(askJob({ do: "redact", values: [] }, job.env)).rejects.toMatchObject({
    code: "JOB_UNREACHABLE",
  });
  await expect(askJob({ do: "redact", values: [] }, {})).rejects.toMatchObject({ code: "JOB_UNREACHABLE" });
});
