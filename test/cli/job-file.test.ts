import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadJob, readJobText } from "../../src/cli/run/job-file.ts";
import { AgentError } from "../../src/core/errors.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "job-file-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

async function fault(path: string, limitBytes = 1024): Promise<AgentError> {
  const error = await readJobText(path, { limitBytes }).catch((error: unknown) => error);
  if (error instanceof AgentError) return error;
  throw new Error("it was read", { cause: error });
}

test("a job file is read without its byte order mark", async () => {
  const path = await file("job.yaml", "\ufeffcommands: [make]\n");
  expect((await loadJob(path)).request.commands).toEqual([{ directive: "make", alias: "" }]);
});

test("an error in a job file names the file", async () => {
  const path = await file("bad.yaml", "commands: make\n");
  expect(loadJob(path)).rejects.toThrow(`${path}:1:11: commands: expected a list, got text`);
});

test("a missing file and a directory are reported as unreadable", async () => {
  expect(await fault(join(directory, "none.yaml"))).toMatchObject({
    code: "JOB_UNREADABLE",
    message: expect.stringContaining("not found"),
  });
  expect(await fault(join(directory, "job.yaml", "x"))).toMatchObject({ code: "JOB_UNREADABLE" });
  expect(await fault(directory)).toMatchObject({
    code: "JOB_UNREADABLE",
    message: expect.stringContaining("is a directory"),
  });
});

test("a read error is reported with its reason", async () => {
  expect(await fault("/proc/self/mem")).toMatchObject({
    code: "JOB_UNREADABLE",
    message: expect.stringMatching(/^job file "\/proc\/self\/mem" cannot be read: .*EIO/),
  });
});

test("a file that is not UTF-8 is rejected", async () => {
  const path = await file("binary", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe]));
  expect(await fault(path)).toMatchObject({
    code: "JOB_INVALID",
    message: `job file "${path}" is not text: expected YAML or JSON in UTF-8`,
  });
});

test("a file of the maximum size is read, a larger one is rejected", async () => {
  expect(await readJobText(await file("full", "x".repeat(1024)), { limitBytes: 1024 })).toHaveLength(1024);
  expect(await fault(await file("over", "x".repeat(1025)), 1024)).toMatchObject({
    code: "JOB_INVALID",
    message: expect.stringContaining("is larger than 1 KiB, the limit"),
  });
});

test("an endless file is rejected at the maximum size", async () => {
  expect(await fault("/dev/zero", 2 * 1024 * 1024)).toMatchObject({
    code: "JOB_INVALID",
    message: expect.stringContaining("larger than 2 MiB"),
  });
});

describe("standard input", () => {
  const reader = `
    import { loadJob } from ${JSON.stringify(join(import.meta.dir, "../../src/cli/run/job-file.ts"))};
    try {
      const { request } = await loadJob("-", { limitBytes: 1024 * 1024 });
      console.log(request.commands.map(({ directive }) => directive).join());
    } catch (error) {
      console.log(error.code, error.message);
    }`;

  async function read(command: string): Promise<string> {
    const script = await file("reader.ts", reader);
    const child = Bun.spawn(["bash", "-c", command, "bash", process.execPath, script], { stdout: "pipe" });
    return (await child.stdout.text()).trim();
  }

  test("is read completely, in any number of chunks", async () => {
    expect(await read(`(printf 'commands: [a'; sleep 0.05; printf ', b]') | "$1" "$2"`)).toBe("a,b");
  });

  test("that is endless is rejected at the maximum size", async () => {
    expect(await read(`yes | "$1" "$2"`)).toBe(
      "JOB_INVALID standard input is larger than 1 MiB, the limit for a job file",
    );
  });

  test("that is empty or closed is an empty request", async () => {
    expect(await read(`"$1" "$2" < /dev/null`)).toContain('JOB_INVALID "standard input" is empty');
    expect(await read(`"$1" "$2" <&-`)).toContain("JOB_");
  });
});
