import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import { join } from "node:path";
import type { Logger } from "signalman";
import { tmpdir } from "signalman/testing";
import { removeExportFiles } from "./export-files.ts";

test("an entry that a dead job has put in the place of an export file is reported, and the other files are removed", async () => {
  await using executor = await tmpdir();
  const start = Number(process.hrtime.bigint() % 1_000_000_000_000n);
  const names = [0, 1, 2].map((index) => `.env-${process.pid}${start}${index}`);
  const [first = "", replaced = "", last = ""] = names.map((name) => join(os.tmpdir(), name));
  for (const name of names) writeFileSync(join(executor.path, name), "");
  for (const path of [first, last]) writeFileSync(path, "export SECRET=x");
  mkdirSync(replaced);
  try {
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const logger: Logger = { debug() {}, info() {}, warn, error: warn, child: () => logger };
    removeExportFiles(executor.path, logger);
    expect([first, last].filter((path) => existsSync(path))).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(`file "${replaced}" of a job cannot be removed`)]);
  } finally {
    rmSync(replaced, { recursive: true });
  }
});
