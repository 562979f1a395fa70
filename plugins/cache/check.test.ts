import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type CheckContext, type Finding, check } from "signalman";
import { testPlugin, tmpdir } from "signalman/testing";
import plugin from "./index.ts";

async function run(size: string, path: string): Promise<readonly Finding[]> {
  await using t = await testPlugin(plugin, { flags: { "cache-size": size, "cache-path": path } });
  const config = { of: () => ({}), options: [] } as unknown as CheckContext["config"];
  return t.use(check, "cache").run({ signal: new AbortController().signal, config, env: process.env });
}

const titles = (findings: readonly Finding[]) => findings.map(({ level, title }) => `${level}: ${title}`);

test("a directory that can be used is measured, and nothing is left in it", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "cache");
  mkdirSync(path, { mode: 0o700 });
  const found = titles(await run("1MiB", path));
  expect(found[0]).toMatch(/^ok: free space for the cache directory ".*": .*; cache-size is 1\.0 MiB$/);
  expect(found[1]).toMatch(/ is written at about \d+ .iB per second$/);
  expect(found[2]).toStartWith("warning: jobs in shells run as the agent's user");
  expect(readdirSync(path)).toEqual([]);
});

test("a directory that does not exist yet is not created", async () => {
  await using tmp = await tmpdir();
  expect(titles(await run("1MiB", join(tmp.path, "later", "cache")))[0]).toStartWith("ok: free space for");
  expect(readdirSync(tmp.path)).toEqual([]);
});

test("a directory that others can access, and a size beyond the disk, are reported", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "cache");
  mkdirSync(path);
  chmodSync(path, 0o755);
  expect(titles(await run("1MiB", path))[0]).toMatch(/^error: .* is not usable: mode 0?755$/);
  chmodSync(path, 0o700);
  expect(titles(await run("8000TiB", path))[0]).toMatch(/^warning: the disk of .* less than cache-size/);
});
