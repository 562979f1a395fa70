import { describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { isAgentError } from "../../../src/core/errors.ts";
import { openLogFile } from "../../../src/os/log-file/log-file.ts";
import { createLogger, type LoggerOptions } from "../../../src/core/logger/logger.ts";
import type { RootLogger } from "../../../src/core/contracts/logger.ts";

function record(options: Partial<LoggerOptions> = {}): { logger: RootLogger; lines: string[] } {
  const lines: string[] = [];
  const sinks = [{ write: (line: string) => void lines.push(line) }];
  return { logger: createLogger({ level: "info", format: "human", sinks, ...options }), lines };
}

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "logger-"));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Converts a value as JSON does, which has no -0. */
const toJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const stamp = /^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d \d\d:\d\d:\d\d\.\d{3} /;

describe("the human format", () => {
  test("is that of the reference agent: time, name, fields, colon, message, with single spaces", () => {
    const { logger, lines } = record();
    logger.info("text");
    expect(lines[0]).toMatch(stamp);
    expect(lines[0]!.replace(stamp, "")).toBe(": text\n");
    const named = record({ name: "agent-1" });
    named.logger.child("statsd", { port: 8125 }).info("sent", { ok: true, path: "/a b", nothing: undefined });
    expect(named.lines[0]!.replace(stamp, "")).toBe('agent-1 statsd port=8125 ok=true path="/a b" : sent\n');
  });

  test("has the level unless it is info", () => {
    const { logger, lines } = record({ level: "trace" });
    for (const level of ["fatal", "error", "warn", "info", "debug", "trace"] as const) logger[level]("x");
    expect(lines.map((line) => line.replace(stamp, "").trim())).toEqual([
      "level=fatal : x",
      "level=error : x",
      "level=warn : x",
      ": x",
      "level=debug : x",
      "level=trace : x",
    ]);
  });

  test("has one line per message, without control characters", () => {
    const { logger, lines } = record({ level: "trace" });
    const messages = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(messages, messages, (message, field) => {
        lines.length = 0;
        logger.child("tag").warn(message, { field });
        expect(lines).toHaveLength(1);
        expect(lines[0]!.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      }),
    );
  });
});

describe("the JSON format", () => {
  test("has one object per line, for any message", () => {
    const { logger, lines } = record({ format: "json", name: "agent-1" });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (message, value) => {
        lines.length = 0;
        logger.info(message, { value });
        const line = JSON.parse(lines[0]!) as Record<string, unknown>;
        expect(lines[0]!.indexOf("\n")).toBe(lines[0]!.length - 1);
        expect(line).toEqual({
          time: line["time"],
          level: "info",
          name: "agent-1",
          value: toJson(value),
          message,
        });
        expect(new Date(String(line["time"])).toISOString()).toBe(String(line["time"]));
      }),
    );
  });

  test("keeps its own keys when a field has the same name", () => {
    const { logger, lines } = record({ format: "json" });
    logger.child("tag").error("real", { message: "other", level: 3, tag: 1 });
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: "error",
      tag: "tag",
      message: "real",
      "field.message": "other",
      "field.level": 3,
      "field.tag": 1,
    });
  });
});

describe("levels", () => {
  test("a logger and each of its sinks have a minimum level", () => {
    const all: string[] = [];
    const grave: string[] = [];
    const logger = createLogger({
      level: "info",
      format: "human",
      sinks: [
        { write: (line) => void all.push(line) },
        { level: "warn", write: (line) => void grave.push(line) },
      ],
    });
    for (const level of ["error", "warn", "info", "debug"] as const) logger[level](level);
    expect(all).toHaveLength(3);
    expect(grave).toHaveLength(2);
  });

  test("fatal is above error", () => {
    const { logger, lines } = record({ level: "fatal" });
    logger.error("no");
    logger.fatal("yes");
    expect(lines).toHaveLength(1);
  });

  test("a line that repeats is written each time", () => {
    const { logger, lines } = record();
    for (let count = 0; count < 50; count += 1) logger.info("same");
    expect(lines).toHaveLength(50);
  });
});

describe("secrets", () => {
  test.each(["human", "json"] as const)("pass neither message nor fields nor causes (%s)", (format) => {
    const { logger, lines } = record({ format });
    const child = logger.child("tag", { early: 'sec"ret\n1' });
    logger.addSecrets(['sec"ret\n1', "123456789"]);
    child.info('a sec"ret\n1 b', {
      text: '<sec"ret\n1>',
      deep: { list: ['sec"ret\n1'], number: 123456789 },
      error: new Error("outer", { cause: new Error('inner sec"ret\n1') }),
    });
    expect(lines[0]).not.toContain("ret");
    expect(lines[0]).not.toContain("123456789");
    expect(lines[0]!.match(/\[REDACTED\]/g)).toHaveLength(6);
  });

  test("longer ones are redacted first, and values under six characters are not redacted", () => {
    const { logger, lines } = record();
    logger.addSecrets(["secret", "secret-and-more", "true", ""]);
    logger.info("secret-and-more secret true");
    expect(lines[0]!.replace(stamp, "")).toBe(": [REDACTED] [REDACTED] true\n");
  });
});

test("a value that cannot be serialized does not throw", () => {
  const { logger, lines } = record({ format: "json" });
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const angry = {
    toJSON() {
      throw new Error("no");
    },
  };
  logger.info("x", { circle, angry, big: 10n, fn() {}, symbol: Symbol("s") });
  expect(JSON.parse(lines[0]!)).toMatchObject({ big: "10", fn: "function", symbol: "symbol" });
});

describe("the log file", () => {
  test("is appended to, has mode 0644, and missing directories are created", async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, "a", "b", "agent_log");
      for (const line of ["one\n", "two\n"]) {
        using file = openLogFile(path);
        file.write(line);
      }
      expect(await readFile(path, "utf8")).toBe("one\ntwo\n");
      const umask = process.umask();
      expect((await stat(path)).mode & 0o777).toBe(0o644 & ~umask);
      expect((await stat(join(directory, "a"))).mode & 0o777).toBe(0o755 & ~umask);
    });
  });

  test("accepts no lines once it is closed, and can be closed twice", async () => {
    await withDirectory(async (directory) => {
      const file = openLogFile(join(directory, "agent_log"));
      file[Symbol.dispose]();
      file[Symbol.dispose]();
      file.write("late\n");
      expect(await readFile(join(directory, "agent_log"), "utf8")).toBe("");
    });
  });

  test.each([
    ["a symbolic link", "symbolic link", async (path: string) => symlink("/etc/passwd", path)],
    ["a directory", "it is a directory", async (path: string) => void (await mkdir(path))],
    [
      "a pipe without a reader",
      "without a reader",
      async (path: string) => void Bun.spawnSync(["mkfifo", path]),
    ],
    ["below a file", "not a directory", async (path: string) => void (await Bun.write(dirname(path), "x"))],
  ])("is refused where it is %s", async (kind, reason, make) => {
    await withDirectory(async (directory) => {
      const path = join(directory, ...(kind === "below a file" ? ["file"] : []), "agent_log");
      await make(path);
      const thrown = await Promise.try(() => openLogFile(path)).catch((error: unknown) => error);
      expect(isAgentError(thrown, "FILE_FAILED")).toBeTrue();
      expect(String(thrown)).toContain(path);
      expect(String(thrown)).toContain(reason);
    });
  });
});
