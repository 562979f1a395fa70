import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { isAgentError } from "../../../src/core/errors.ts";
import { createGapBuffer } from "../../../src/kit/session/gap.ts";
import { tmpdir } from "../../../src/testing/index.ts";
import { openSession } from "./fixtures.ts";

const MiB = 1024 * 1024;
const notice = /\n\[signalman: (\d+) bytes of output between two commands were dropped: ([^\n]+)\]\n/;

type Shell = Awaited<ReturnType<typeof openSession>>;

/** Has a background process write `size` bytes between two commands; resolves when it has written all of them. */
async function flood({ run, home, session }: Shell, size: number): Promise<void> {
  await run(
    `(until [ -e go ]; do sleep 0.02; done; head -c ${size} /dev/zero | tr '\\0' x; echo >flooded) & disown`.replace(
      /\b(go|flooded)\b/g,
      `"${home}/$1"`,
    ),
  );
  await Bun.write(`${home}/go`, "");
  while (!existsSync(`${home}/flooded`) || session.pendingBytes < size) await Bun.sleep(20);
}

/** Returns the paths of the files that this process has open. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The descriptor of the directory itself.
      return [];
    }
  });
}

/** Checks that a flood is dropped, and that the log and the session tell how much. */
async function expectDropped(shell: Shell, size: number, reason: RegExp): Promise<void> {
  // Garbage of other tests in this process does not count.
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  await flood(shell, size);
  Bun.gc(true);
  expect(process.memoryUsage.rss() - before).toBeLessThan(150 * MiB);
  const { code, output } = await shell.run("echo now");
  expect(code).toBe(0);
  expect(output).toEndWith("now\n");
  const [text = "", dropped, why] = notice.exec(output) ?? [];
  expect(why).toMatch(reason);
  expect(Number(dropped)).toBe(shell.session.droppedBytes);
  expect(output.length - text.length - "now\n".length + Number(dropped)).toBe(size);
  expect(await shell.run("echo again")).toEqual({ code: 0, output: "again\n" });
}

for (const [name, put, reason] of [
  ["a link to itself", 'ln -s overflow "$HOME/overflow"', /EEXIST/],
  ["a link to another file", 'echo >"$HOME/other"; ln -s other "$HOME/overflow"', /EEXIST/],
  ["a FIFO", 'mkfifo "$HOME/overflow"', /EEXIST/],
  ["a directory", 'mkdir "$HOME/overflow"', /EEXIST/],
] as const) {
  test(`${name} in the place of the file: output between two commands is dropped and counted`, async () => {
    await using shell = await openSession();
    await shell.run(put);
    await expectDropped(shell, 40 * MiB, reason);
  }, 30_000);
}

test.skipIf(process.getuid?.() !== 0 || process.platform !== "linux")(
  "a full disk: what fits is logged, the rest is dropped and counted",
  async () => {
    await using folder = await tmpdir();
    const disk = folder.path;
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]).status).toBe(0);
    try {
      await using shell = await openSession({ overflow: join(disk, "overflow") });
      await expectDropped(shell, 40 * MiB, /ENOSPC/);
      expect(shell.session.droppedBytes).toBe(37 * MiB);
    } finally {
      spawnSync("umount", ["-l", disk]);
    }
  },
  30_000,
);

test("output between two commands beyond the file's limit is dropped and counted", async () => {
  await using shell = await openSession();
  await expectDropped(shell, 70 * MiB, /limit is 67108864 bytes/);
  expect(shell.session.droppedBytes).toBe(6 * MiB);
}, 60_000);

test.skipIf(process.platform !== "linux")(
  "output between two commands in pieces of a byte is kept in the file",
  async () => {
    await using folder = await tmpdir();
    const path = join(folder.path, "overflow");
    using gap = createGapBuffer(path);
    const count = 200_000;
    for (let at = 0; at < count; at += 1) gap.push(Buffer.from([at % 256]));
    expect(openFiles()).toContain(`${path} (deleted)`);
    expect(gap.byteLength).toBe(count);
    const pieces: Buffer[] = [];
    gap.drain((bytes) => void pieces.push(Buffer.from(bytes)));
    expect(
      Buffer.concat(pieces).equals(Buffer.from(Array.from({ length: count }, (_, at) => at % 256))),
    ).toBe(true);
  },
);

test("the job finds no file to remove or replace while output is kept in it", async () => {
  await using shell = await openSession();
  await flood(shell, 3 * MiB);
  expect(existsSync(`${shell.home}/overflow`)).toBe(false);
  const { output } = await shell.run("echo now");
  expect(output.length).toBe(3 * MiB + 4);
  expect(shell.session.droppedBytes).toBe(0);
});

for (const text of ["echo one; echo two; sleep 60", "yes"]) {
  test(`an output that fails ends the session and rejects the command: ${text}`, async () => {
    await using shell = await openSession();
    let calls = 0;
    const fail = () => {
      calls += 1;
      throw new Error("no room for it");
    };
    const error = await shell.session.run(text, fail).catch((thrown) => thrown);
    expect(isAgentError(error, "SESSION_FAILED")).toBe(true);
    expect(error.message).toBe("the output of the job's shell cannot be processed: no room for it");
    await shell.session.terminal.ended;
    expect(calls).toBe(1);
    expect(shell.session.alive).toBe(false);
    expect(await shell.run("echo more").catch((thrown) => thrown)).toBe(error);
  });
}
