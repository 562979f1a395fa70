import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jobRequest, testPlugin, tmpdir } from "signalman/testing";
import { addAuthorizedKeys } from "./authorized-keys.ts";
import plugin from "./index.ts";

const first = "ssh-ed25519 AAAA first@example.com";
const second = "ssh-ed25519 BBBB second@example.com";
let directory: Awaited<ReturnType<typeof tmpdir>>;
beforeAll(async () => void (directory = await tmpdir()));
afterAll(() => directory[Symbol.asyncDispose]());

test("keys are appended once, in a file that only its owner can read", () => {
  const home = newHome("keys");
  const path = join(home, ".ssh", "authorized_keys");
  addAuthorizedKeys(toKeys(first), home);
  addAuthorizedKeys(toKeys(first, second, second), home);
  expect(readFileSync(path, "utf8")).toBe(`${first}\n${second}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, ".ssh")).mode & 0o777).toBe(0o700);
});

test("keys of the host stay, also without a newline at the end of their file", () => {
  const home = newHome("present");
  const path = join(home, ".ssh", "authorized_keys");
  mkdirSync(join(home, ".ssh"), { mode: 0o755 });
  writeFileSync(path, first, { mode: 0o644 });
  addAuthorizedKeys(toKeys(second), home);
  expect(readFileSync(path, "utf8")).toBe(`${first}\n${second}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a key of several lines and one that is not base64 are refused before a file is written", () => {
  const home = newHome("invalid");
  for (const keys of [toKeys(`${first}\n${second}`), ["%%%"], toKeys("")]) {
    expect(() => addAuthorizedKeys(keys, home)).toThrow("Failed to decode an SSH public key");
  }
  expect(() => statSync(join(home, ".ssh"))).toThrow("ENOENT");
});

test("the jump point is truncated for each job", async () => {
  const path = join(directory.path, "jump_point");
  writeFileSync(path, "x".repeat(10_000), { mode: 0o600 });
  await using t = await testPlugin(plugin, { roles: ["job"], config: { enabled: true, path } });
  await t.call("job:start", { job: jobRequest({ sshPublicKeys: [] }) });
  expect(readFileSync(path, "utf8")).toStartWith("#!/bin/bash\n");
  expect(readFileSync(path, "utf8")).not.toContain("xxx");
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(await run(path, "echo", "a b")).toBe("a b\n");
  await t.call("job:start", {
    job: jobRequest({ id: "job-7", executor: "dockercompose", sshPublicKeys: [] }),
  });
  expect(readFileSync(path, "utf8")).toContain("label=signalman/job-id=job-7 ");
});

test("a symbolic link in place of the jump point is replaced, and its target is left alone", async () => {
  const path = join(directory.path, "link");
  const target = join(directory.path, "target");
  writeFileSync(target, "kept");
  symlinkSync(target, path);
  await using t = await testPlugin(plugin, { roles: ["job"], config: { enabled: true, path } });
  await t.call("job:start", { job: jobRequest({ sshPublicKeys: [] }) });
  expect(readFileSync(path, "utf8")).toStartWith("#!/bin/bash\n");
  expect(readFileSync(target, "utf8")).toBe("kept");
});

test("a jump point that cannot be written refuses the job", async () => {
  const path = join(directory.path, "missing", "jump_point");
  await using t = await testPlugin(plugin, { roles: ["job"], config: { enabled: true, path } });
  await expect(t.call("job:start", { job: jobRequest({ sshPublicKeys: [] }) })).rejects.toThrow(
    "Failed to write the SSH jump point",
  );
});

test("nothing is written unless `serve` enables it", async () => {
  await using t = await testPlugin(plugin, { roles: ["job"] });
  expect(t.hooks).toEqual([]);
});

function newHome(name: string): string {
  const home = join(directory.path, name);
  mkdirSync(home);
  return home;
}

function toKeys(...keys: readonly string[]): string[] {
  return keys.map((key) => Buffer.from(key).toString("base64"));
}

async function run(script: string, ...words: readonly string[]): Promise<string> {
  return new Response(Bun.spawn(["bash", script, ...words]).stdout).text();
}
