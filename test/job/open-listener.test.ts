import { expect, test } from "bun:test";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { recordListeners, readOpenListener } from "../../src/job/process/open-listener.ts";
import { jobFiles } from "../../src/job/state/job-files.ts";
import { tmpdir } from "../../src/testing/index.ts";

test("the record of a job's process names the listener that was called last and has not returned", async () => {
  await using directory = await tmpdir();
  const enter = recordListeners(directory.path, (plugin) => plugin !== "shell");
  expect(readOpenListener(directory.path)).toBeUndefined();
  const leaveFirst = enter("first", "command:start");
  const leaveSecond = enter("second", "image:pulled");
  expect(readOpenListener(directory.path)).toMatchObject({ plugin: "second", hook: "image:pulled" });
  leaveSecond();
  enter("shell", "command:end");
  expect(readOpenListener(directory.path)).toMatchObject({ plugin: "first", hook: "command:start" });
  leaveFirst();
  expect(readOpenListener(directory.path)).toBeUndefined();
});

test("a record without a heartbeat for 4 s means that the event loop is blocked", async () => {
  await using directory = await tmpdir();
  const leave = recordListeners(directory.path, () => true)("bad", "job:start");
  const since = (seconds: number) => new Date(Date.now() - seconds * 1000);
  utimesSync(join(directory.path, jobFiles.listener), since(5), since(5));
  expect(readOpenListener(directory.path)).toMatchObject({ plugin: "bad", isBlocked: true });
  utimesSync(join(directory.path, jobFiles.listener), since(0), since(0));
  expect(readOpenListener(directory.path)).toMatchObject({ isBlocked: false });
  leave();
});
