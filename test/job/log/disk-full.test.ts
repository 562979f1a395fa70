import { expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { createSpool } from "../../../src/job/log/spool.ts";
import { tmpdir, type TemporaryDirectory } from "../../../src/testing/fixtures.ts";
import { eventsIn, finished, output, outputIn, started } from "./fixtures.ts";

test("on a full disk the file ends with a complete line, dropped events are counted, and the error is reported once", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  // A file size limit of 128 KiB takes the same error path as a full disk and needs no privileges.
  const limited = 'trap "" XFSZ; ulimit -f 128; exec "$@"';
  const script = join(import.meta.dir, "fill-disk.ts");
  const child = Bun.spawn(["bash", "-c", limited, "-", process.execPath, script, path], {
    env: { ...process.env, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    stdout: "pipe",
    stderr: "inherit",
  });
  const report = (await new Response(child.stdout).json()) as Record<string, unknown>;

  const log = eventsIn(path);
  const kept = log.filter((event) => event.event === "cmd_output" && event.output.startsWith("x")).length;
  expect(kept).toBeWithin(1, 200);
  expect(log).toEqual([
    started("flood"),
    ...Array.from({ length: kept }, () => output("x".repeat(1000))),
    {
      ...output(
        `\n[signalman: ${(200 - kept) * 1000} bytes of output were dropped: EFBIG: file too large, write]\n`,
      ),
      timestamp: 3,
    },
  ]);
  expect(report).toEqual({
    stats: {
      events: log.length,
      bytes: readFileSync(path).length,
      checksum: crc32(readFileSync(path)),
      droppedBytes: (200 - kept) * 1000,
    },
    warnings: [expect.stringMatching(/^cannot write to the job's log ".*": EFBIG/)],
    closing: expect.stringMatching(/lacks 1 events? that the disk did not accept/),
  });
});

// Without the right to mount, the test above covers this.
const smallDisk = await mountSmallDisk();
if (smallDisk)
  test(
    "structural events are written when the disk has space again, and each gap is reported at its place",
    roomAgain,
  );

async function roomAgain(): Promise<void> {
  await using disk = smallDisk!;
  const path = join(disk.path, "spool");
  const filler = join(disk.path, "filler");
  const warnings: string[] = [];
  const spool = createSpool(path, {
    diskLimitBytes: 2 ** 30,
    onWarning: (message) => warnings.push(message),
  });
  spool.append(started("one"));
  spool.append(output("before, "));
  fill(filler);
  for (let index = 0; index < 100; index += 1) spool.append(output("x".repeat(1000)));
  rmSync(filler);
  spool.append(output("after\n"));

  fill(filler);
  for (let index = 0; index < 10; index += 1) spool.append(output("y".repeat(1000)));
  spool.append(finished("one"));
  spool.append(started("t".repeat(10_000)));
  rmSync(filler);
  spool.append(finished("t".repeat(10_000)));
  spool.close();

  const { droppedBytes } = spool.stats;
  const text = outputIn(path);
  const gaps = [...text.matchAll(/\[signalman: (\d+) bytes of output were dropped: ENOSPC[^\]]*\]\n/g)].map(
    ([, bytes]) => Number(bytes),
  );
  // A notice begins on a line of its own, so that line ends are not counted.
  const kept = text.replaceAll(/\[signalman: [^\]]*\]|\n/g, "").length;
  expect(kept + droppedBytes).toBe("before, after".length + 110_000);
  expect(gaps.reduce((sum, bytes) => sum + bytes, 0)).toBe(droppedBytes);
  expect(gaps).toHaveLength(2);
  expect(text).toMatch(
    /^before, x*\n\[signalman: \d+ bytes of output were dropped: ENOSPC[^\]]*\]\nafter\ny*\n?\[signalman: \d+ bytes/,
  );
  expect(eventsIn(path).filter(({ event }) => event !== "cmd_output")).toEqual([
    started("one"),
    finished("one"),
    started("t".repeat(10_000)),
    finished("t".repeat(10_000)),
  ]);
  expect(warnings).toEqual([expect.stringContaining("ENOSPC")]);
}

async function mountSmallDisk(): Promise<TemporaryDirectory | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const directory = await tmpdir();
  const { exitCode } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path]);
  if (exitCode === 0) {
    return {
      path: directory.path,
      async [Symbol.asyncDispose]() {
        Bun.spawnSync(["umount", directory.path]);
        await directory[Symbol.asyncDispose]();
      },
    };
  }
  await directory[Symbol.asyncDispose]();
  return undefined;
}

/** Uses up all space. */
function fill(path: string): void {
  for (let blocks = ""; ; blocks += "x".repeat(4096)) {
    try {
      writeFileSync(path, blocks);
    } catch {
      return;
    }
  }
}
