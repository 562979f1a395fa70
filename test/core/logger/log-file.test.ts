import { describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync } from "node:fs";
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { openLogFile, openLogFileIfPossible } from "../../../src/os/log-file/log-file.ts";
import { loadLibc } from "../../../src/os/processes/libc.ts";
import { tmpdir } from "../../../src/testing/index.ts";
import { makeSharedDirectory } from "../../shared-directory.ts";

const read = (path: string) => readFile(path, "utf8");

describe("a log file that another program changes", () => {
  test("is created again at its path after a move, a removal, or the removal of its directory", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "logs", "agent_log");
    using file = openLogFile(path);
    file.write("one\n");
    await rename(path, `${path}-old`);
    file.write("two\n");
    expect(await read(`${path}-old`)).toBe("one\n");
    expect(await read(path)).toBe("two\n");
    await rm(path);
    file.write("three\n");
    expect(await read(path)).toBe("three\n");
    await rm(join(directory.path, "logs"), { recursive: true });
    file.write("four\n");
    expect(await read(path)).toBe("four\n");
  });

  test("is appended to a file that another program has created at its path", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path);
    await writeFile(`${path}-new`, "created\n");
    await rename(`${path}-new`, path);
    file.write("line\n");
    expect(await read(path)).toBe("created\nline\n");
  });

  test("is created at once when it is reopened", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path);
    await rename(path, `${path}-old`);
    file.reopen();
    expect(await read(path)).toBe("");
  });

  test("is not replaced by a symbolic link at its path, which is reported once on stderr", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    const script = `
      import { renameSync, symlinkSync, writeFileSync, rmSync } from "node:fs";
      import { openLogFile } from ${JSON.stringify(join(import.meta.dir, "../../../src/os/log-file/log-file.ts"))};
      const path = ${JSON.stringify(path)};
      using file = openLogFile(path);
      writeFileSync(path + "-precious", "");
      renameSync(path, path + "-old");
      symlinkSync(path + "-precious", path);
      for (const line of ["one\\n", "two\\n"]) file.write(line);
      file.reopen();
      rmSync(path);
      file.write("three\\n");`;
    const { stderr, exitCode } = Bun.spawnSync([process.execPath, "-e", script]);
    expect(exitCode).toBe(0);
    expect(stderr.toString().match(/cannot reopen the log file/g)).toHaveLength(1);
    expect(stderr.toString()).toContain("symbolic link");
    expect(await read(`${path}-precious`)).toBe("");
    expect(await read(`${path}-old`)).toBe("one\ntwo\n");
    expect(await read(path)).toBe("three\n");
  });
});

describe("rotation", () => {
  const line = (n: number) => `line ${n} ${"x".repeat(91)}\n`;

  test("renames a file before it exceeds the maximum size, and keeps a number of files", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path, { maxBytes: 250, count: 2 });
    for (let n = 0; n < 10; n++) file.write(line(n));
    expect((await readdir(directory.path)).toSorted()).toEqual(["agent_log", "agent_log.1", "agent_log.2"]);
    expect(await read(path)).toBe(line(8) + line(9));
    expect(await read(`${path}.1`)).toBe(line(6) + line(7));
    expect(await read(`${path}.2`)).toBe(line(4) + line(5));
    expect((await stat(path)).mode & 0o777).toBe(0o644 & ~process.umask());
  });

  test("keeps no file with count 0, and is off with size 0", async () => {
    await using directory = await tmpdir();
    const [none, never] = [join(directory.path, "none"), join(directory.path, "never")];
    using first = openLogFile(none, { maxBytes: 250, count: 0 });
    using second = openLogFile(never, { maxBytes: 0, count: 3 });
    for (let n = 0; n < 10; n++) for (const file of [first, second]) file.write(line(n));
    expect((await readdir(directory.path)).toSorted()).toEqual(["never", "none"]);
    expect(await read(none)).toBe(line(8) + line(9));
    expect((await stat(never)).size).toBe(990);
  });

  test("writes a line that is larger than the maximum size", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path, { maxBytes: 10, count: 2 });
    for (const n of [1, 2]) file.write(line(n));
    expect(await read(path)).toBe(line(2));
    expect(await read(`${path}.1`)).toBe(line(1));
  });

  test("replaces a symbolic link at the path of an older file, not its target", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    const precious = join(directory.path, "precious");
    await writeFile(precious, "precious");
    await symlink(precious, `${path}.1`);
    using file = openLogFile(path, { maxBytes: 10, count: 1 });
    for (const n of [1, 2]) file.write(line(n));
    expect(await read(`${path}.1`)).toBe(line(1));
    expect(await read(precious)).toBe("precious");
  });

  test("that fails loses no line", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    await mkdir(join(`${path}.1`, "full"), { recursive: true });
    using file = openLogFile(path, { maxBytes: 10, count: 1 });
    for (const n of [1, 2, 3]) file.write(line(n));
    expect(await read(path)).toBe(line(1) + line(2) + line(3));
  });

  test("keeps the mode of the file", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path, { maxBytes: 10, count: 1 });
    file.write(line(1));
    await chmod(path, 0o600);
    file.write(line(2));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await read(path)).toBe(line(2));
  });

  test.if(process.getuid?.() === 0)("does not rotate another user's file", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path, { maxBytes: 10, count: 1 });
    file.write(line(1));
    await chown(path, 65_534, 65_534);
    file.write(line(2));
    expect(await readdir(directory.path)).toEqual(["agent_log"]);
    expect(await read(path)).toBe(line(1) + line(2));
  });

  test("does not rotate a pipe", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    Bun.spawnSync(["mkfifo", path]);
    const reader = Bun.spawn(["head", "-c", String(line(1).length * 3), path], { stdout: "pipe" });
    let file = openLogFileIfPossible(path, { maxBytes: 10, count: 3 });
    // The pipe has no reader yet.
    for (; file === undefined; await Bun.sleep(10))
      file = openLogFileIfPossible(path, { maxBytes: 10, count: 3 });
    for (const n of [1, 2, 3]) file.write(line(n));
    expect(await reader.stdout.text()).toBe(line(1) + line(2) + line(3));
    file[Symbol.dispose]();
    expect(await readdir(directory.path)).toEqual(["agent_log"]);
  });

  test("is done only by the holder of the file's lock", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path, { maxBytes: 10, count: 1 });
    file.write(line(1));
    const other = openSync(path, "r");
    expect(loadLibc()?.lock(other)).toBe(true);
    file.write(line(2));
    expect(await read(path)).toBe(line(1) + line(2));
    closeSync(other);
    file.write(line(3));
    expect(await read(path)).toBe(line(3));
    expect(await read(`${path}.1`)).toBe(line(1) + line(2));
  });

  test("by four writers at once loses, splits and repeats no line", async () => {
    expect(loadLibc()).toBeDefined();
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    const lines = 1500;
    const writers = ["a", "b", "c", "d"].map((word) =>
      Bun.spawn(
        [process.execPath, join(import.meta.dir, "log-writer.ts"), path, word, String(lines), "4000", "1000"],
        { stdin: "pipe", stdout: "pipe" },
      ),
    );
    for (const { stdout } of writers) await stdout.getReader().read();
    for (const { stdin } of writers) {
      void stdin.write("!");
      void stdin.end();
    }
    for (const { exited } of writers) expect(await exited).toBe(0);
    const files = await readdir(directory.path);
    expect(files.length).toBeGreaterThan(9);
    const texts = await Promise.all(files.map((name) => read(join(directory.path, name))));
    const found = texts.join("").trimEnd().split("\n");
    const wanted = ["a", "b", "c", "d"].flatMap((word) =>
      Array.from({ length: lines }, (_, index) => `${word} ${index} ${"x".repeat(index % 90)}`),
    );
    expect(found.toSorted()).toEqual(wanted.toSorted());
  });

  test("by four writers at once that keep two files leaves three", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent_log");
    const writers = ["a", "b", "c", "d"].map((word) =>
      Bun.spawn([process.execPath, join(import.meta.dir, "log-writer.ts"), path, word, "500", "2000", "2"], {
        stdin: new Blob(["!"]),
      }),
    );
    for (const { exited } of writers) expect(await exited).toBe(0);
    expect((await readdir(directory.path)).toSorted()).toEqual(["agent_log", "agent_log.1", "agent_log.2"]);
    expect(existsSync(path)).toBe(true);
  });
});

describe.skipIf(process.getuid?.() !== 0)("a log file in a directory such as /tmp (needs root)", () => {
  test("is refused when another user has made it, and not written to", async () => {
    await using directory = await tmpdir();
    makeSharedDirectory(directory.path);
    const path = join(directory.path, "agent_log");
    await writeFile(path, "");
    await chown(path, 65_534, 65_534);
    expect(() => openLogFile(path)).toThrow(
      `cannot open the log file "${path}": it belongs to user 65534, in a directory that other users may write to; remove it, or set another path with --log-file-path`,
    );
    expect(await read(path)).toBe("");
  });

  test("is not created in a directory that another user has made there, nor is a directory", async () => {
    await using directory = await tmpdir();
    makeSharedDirectory(directory.path);
    const theirs = join(directory.path, "theirs");
    await mkdir(theirs);
    await chown(theirs, 65_534, 65_534);
    for (const path of [join(theirs, "agent_log"), join(theirs, "logs", "agent_log")])
      expect(() => openLogFile(path)).toThrow(`"${theirs}" belongs to user 65534`);
    expect(await readdir(theirs)).toEqual([]);
  });

  test("is not followed to the file by which another user has replaced it", async () => {
    await using directory = await tmpdir();
    makeSharedDirectory(directory.path);
    const path = join(directory.path, "agent_log");
    using file = openLogFile(path);
    await rename(path, `${path}-old`);
    await writeFile(path, "");
    await chown(path, 65_534, 65_534);
    file.write("line\n");
    expect(await read(path)).toBe("");
    expect(await read(`${path}-old`)).toBe("line\n");
  });
});
