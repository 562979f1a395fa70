import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { renderDiagnoses } from "../../plugins/doctor/render.ts";
import { printList } from "../../plugins/hub/cli/print-list.ts";
import { createRenderer } from "../../src/cli/job-view/renderer.ts";
import { renderStatus } from "../../src/cli/output/agent-status.ts";
import { formatTable } from "../../src/cli/output/columns.ts";
import { print, printJson } from "../../src/cli/output/print.ts";
import { report } from "../../src/cli/report.ts";
import type { AgentStatus } from "../../src/core/contracts/agent-status.ts";
import { AgentError } from "../../src/core/errors.ts";
import { createLogger } from "../../src/core/logger/logger.ts";
import { filesOf, textOf } from "../project.ts";
import { openHome } from "./signalman.ts";

/** Text with sequences that act on terminals, break lines or reorder text. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x1b]52;c;aGk=\x1b\\",
        "\x1bP+q\x1b\\",
        "\x9b31m",
        "\x90x\x9c",
        "\u202e",
        "\u2066",
        "\u2028",
        "\r",
        "\n",
        "\t",
        "\b",
        "\0",
        "\x7f",
        "name",
      ),
      fc.string({ unit: "binary", maxLength: 5 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));
/** A value of any type, with hostile texts in it. */
const anything = fc.anything({ values: [hostile, fc.double(), fc.boolean()], key: hostile, maxDepth: 2 });

// oxlint-disable-next-line no-control-regex
const controls = /[\0-\x08\x0b-\x1f\x7f-\x9f]/;
const reordering = /[\u2028-\u202e\u2066-\u2069]/;

function expectSafe(text: string): void {
  expect(controls.test(text) || reordering.test(text)).toBe(false);
}

function capture(write: (stream: { write(text: string): boolean }) => void): string {
  let text = "";
  write({ write: (more) => ((text += more), true) });
  return text;
}

/** Replaces a stream of this process while `work` runs. */
function captureProcess(name: "stdout" | "stderr", work: () => void): string {
  const stream = process[name];
  const original = stream.write;
  let text = "";
  stream.write = ((more: string) => ((text += more), true)) as typeof stream.write;
  try {
    work();
  } finally {
    stream.write = original;
  }
  return text;
}

describe("no text from outside acts on a terminal or breaks a line", () => {
  test("in printed lines and JSON", () => {
    fc.assert(
      fc.property(hostile, anything, (text, value) => {
        const uncoloured = text.replaceAll("m", "");
        expectSafe(capture((stream) => print(uncoloured, stream as never)));
        const json = capture((stream) => printJson({ text, value: String(value) }, 2, stream as never));
        expectSafe(json);
        expect(JSON.parse(json).text).toBe(text);
      }),
    );
  });

  test("in tables, with one line for each row", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostile, hostile), { minLength: 1 }), (rows) => {
        const lines = formatTable(rows);
        expect(lines.join("\n").split("\n")).toHaveLength(rows.length);
        expectSafe(lines.join("\n"));
      }),
    );
  });

  test("in the lists of the hub", () => {
    fc.assert(
      fc.property(fc.array(hostile), fc.boolean(), (items, json) => {
        const options = { json, whenEmpty: "none", head: ["name"], toRow: (item: string) => [item] };
        expectSafe(captureProcess("stdout", () => printList(items, options)));
      }),
    );
  });

  test("in errors and their causes", () => {
    fc.assert(
      fc.property(hostile, hostile, fc.boolean(), (message, cause, isDebug) => {
        const error = new AgentError("FILE_FAILED", message, { cause: new Error(cause) });
        const text = captureProcess("stderr", () => report(error, { isDebug, hide: (shown) => shown }));
        expectSafe(text.replaceAll("\x1b[31m", "").replaceAll("\x1b[0m", ""));
      }),
    );
  });

  test("in the findings of doctor", () => {
    fc.assert(
      fc.property(hostile, hostile, (title, remedy) => {
        const finding = { owner: "core", check: "x", level: "warning", title, detail: remedy, remedy };
        expectSafe(renderDiagnoses([finding as never], { isColoured: false }));
      }),
    );
  });

  test("in the status of agents, whatever their sockets answer", () => {
    fc.assert(
      fc.property(anything, hostile, (value, text) => {
        const slot = {
          slot: 0,
          name: text,
          state: text,
          draining: value,
          error: text,
          sync: { failures: value },
        };
        const status = { version: text, pid: value, stateDirectory: text, startedAt: value, slots: [slot] };
        const lines = renderStatus(status as unknown as AgentStatus, 0);
        expectSafe(lines.join(""));
        expect(lines.filter((line) => line.includes("\n"))).toEqual([]);
      }),
    );
  });

  test("in the agent's log, in both formats", () => {
    fc.assert(
      fc.property(
        hostile,
        hostile,
        anything,
        fc.constantFrom("human", "json"),
        (name, text, value, format) => {
          let lines = "";
          const sink = { write: (line: string) => void (lines += line) };
          const logger = createLogger({ level: "debug", format, name, sinks: [sink] } as never);
          logger.child(text).warn(text, { [text]: value, field: text });
          expectSafe(lines);
          expect(lines.trimEnd().split("\n")).toHaveLength(1);
        },
      ),
    );
  });

  test("in the view of a job, whatever its log contains", () => {
    const event = fc.record(
      {
        event: fc.oneof(
          fc.constantFrom("job_started", "cmd_started", "cmd_output", "cmd_finished", "job_finished"),
          anything,
        ),
        timestamp: fc.oneof(fc.nat(), anything),
        directive: fc.oneof(hostile, anything),
        output: fc.oneof(hostile, anything),
        exit_code: fc.oneof(fc.nat(), hostile, anything),
        finished_at: fc.oneof(fc.nat(), anything),
        result: fc.oneof(hostile, anything),
      },
      { requiredKeys: ["event"] },
    );
    fc.assert(
      fc.property(fc.array(event), fc.boolean(), (events, tty) => {
        let text = "";
        const renderer = createRenderer({ output: (more) => (text += more), tty, colour: false });
        renderer.push(Buffer.from(events.map((one) => `${toJson(one)}\n`).join("")));
        renderer.end();
        // On a terminal a carriage return replaces the line, and a backspace goes back.
        // oxlint-disable-next-line no-control-regex
        const shown = tty ? text.replaceAll(/\r\x1b\[K|[\b]/g, "") : text;
        expect(controls.test(shown)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test("in `logs` and `status`: names of directories and results on disk", async () => {
    await using home = await openHome();
    const jobs = "state/agents/an\u001b[2Jagent\u009b/slot-0/jobs/a\u001b]0;job\u0007";
    await home.write({
      [`${jobs}/events.ndjson`]: '{"event":"job_started","timestamp":1}\n',
      [`${jobs}/result.json`]: JSON.stringify({ result: "\u001b[2Jpassed\u009b" }),
      "signalman.config.yaml": "log-file-path: log\n",
    });
    for (const args of [["logs"], ["logs", "--json"], ["logs", "none"], ["status"], ["status", "--json"]]) {
      const { stdout, stderr } = await home.run(...args, "--state-dir", join(home.path, "state"));
      expectSafe(stdout);
      expectSafe(stderr);
      expect([args, `${stdout}${stderr}`]).not.toEqual([args, ""]);
    }
  });
});

test("commands print in one place only", () => {
  const writers = /\bconsole\.(log|error|warn|info)\(|\bstd(out|err)(\(\))?\.write\(/;
  const printing = filesOf("{src,plugins}/**/*.ts")
    .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
    .filter((file) => writers.test(textOf(file)))
    .toSorted();
  expect(printing).toEqual([
    // Escapes of its own around text that is printable; a job's log; a terminal sequence in base64; messages
    // before a logger exists; words for a shell; a pipe to the process that started this one.
    "plugins/hub/cli/show-log.ts",
    "plugins/redact/command.ts",
    "src/cli/completion/main.ts",
    "src/cli/output/full-screen.ts",
    "src/kit/recorder/main.ts",
    "src/main.ts",
    "src/os/log-file/log-file.ts",
  ]);
});

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch {
    return "null";
  }
}
