import { stderr } from "../../src/os/this-process/output.ts";
import { expect, test } from "bun:test";
import { report } from "../../src/cli/report.ts";
import { errorCodes } from "../../src/core/error-codes.ts";
import { AgentError, type ErrorCode } from "../../src/core/errors.ts";

function reportOf(thrown: unknown, isDebug = false): { code: number; text: string } {
  const written: string[] = [];
  const output = stderr();
  const { write } = output;
  output.write = (text: unknown) => written.push(String(text)) > 0;
  try {
    const code = report(thrown, { isDebug, hide: (text) => text.replaceAll("hunter2", "[REDACTED]") });
    return { code, text: written.join("") };
  } finally {
    output.write = write;
  }
}

test("user errors have exit status 2, failures 1", () => {
  const codes = Object.keys(errorCodes) as ErrorCode[];
  const usage = codes.filter((code) => reportOf(new AgentError(code, "x")).code === 2);
  expect(usage).toEqual([
    "USAGE_INVALID",
    "CONFIG_INVALID",
    "CONFIG_UNREADABLE",
    "JOB_INVALID",
    "JOB_UNREADABLE",
    "PLUGIN_INVALID",
    "PLUGIN_UNKNOWN",
    "STATE_UNSAFE",
  ]);
  for (const thrown of [new AgentError("HEALTH_PORT_TAKEN", "x"), new Error("x"), "x", undefined])
    expect(reportOf(thrown).code).toBe(1);
});

test("advice of the runtime for authors of programs is left out", () => {
  for (const advice of [
    "Is the computer able to access the url?",
    "Does the server speak TLS on this port?",
    "For more information, pass `verbose: true` in the second argument to fetch()",
  ])
    expect(reportOf(new Error(`ECONNRESET: closed. ${advice}`)).text).toBe("error: ECONNRESET: closed.\n");
});

test("causes are printed once, each on a line, unless they repeat a message", () => {
  const root = new Error("no space left");
  const middle = new Error("cannot write: no space left", { cause: root });
  const top = new AgentError("SPOOL_FAILED", "the log is gone", { cause: middle });
  expect(reportOf(top).text).toBe(
    "error: the log is gone\ncaused by: cannot write: no space left\nhelp: signalman help errors SPOOL_FAILED\n",
  );
});

test("all parts of an aggregate error are printed", () => {
  const both = new SuppressedError(
    new Error("while cleaning up"),
    new Error("at first"),
    "two things failed",
  );
  expect(reportOf(both).text).toBe(
    "error: two things failed\ncaused by: while cleaning up\ncaused by: at first\n",
  );
  const all = new AggregateError([new Error("one"), "two"], "both failed");
  expect(reportOf(all).text).toBe("error: both failed\ncaused by: one\ncaused by: two\n");
});

test("a circular chain of causes is printed once", () => {
  const error = new Error("round");
  error.cause = error;
  expect(reportOf(error).text).toBe("error: round\n");
});

test("secrets are redacted in messages, causes and stacks", () => {
  const thrown = new Error("hunter2", { cause: new Error("and hunter2") });
  const { text } = reportOf(thrown, true);
  expect(text).not.toContain("hunter2");
  expect(text).toContain("report.test.ts");
  expect(reportOf(thrown).text).not.toContain("report.test.ts");
});
