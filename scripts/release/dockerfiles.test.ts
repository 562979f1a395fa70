import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { writeArchive } from "./archive.ts";
import { writeChecksums } from "./checksums.ts";
import { imageSettings } from "./images.ts";
import { run } from "./run.ts";
import { targets } from "./targets.ts";

const alpine = path.join(import.meta.dir, "alpine.Dockerfile");

/** Returns the instructions of each stage, with continued lines joined. */
async function readStages(file: string): Promise<readonly (readonly [name: string, value: string])[][]> {
  const text = (await readFile(file, "utf8")).replaceAll(/\\\n\s*/g, "");
  const stages: (readonly [string, string])[][] = [];
  for (const line of text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))) {
    const [, name = "", value = ""] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (!instructions.has(name)) throw new Error(`"${line}" in ${file} is not an instruction`);
    if (name === "FROM") stages.push([]);
    stages.at(-1)!.push([name, value]);
  }
  return stages;
}

const instructions = new Set(["FROM", "WORKDIR", "COPY", "RUN", "USER", "HEALTHCHECK", "CMD"]);

describe.each(["alpine.Dockerfile", "../../Dockerfile"])("%s", (name) => {
  const file = path.join(import.meta.dir, name);

  test("has user, command and health check of the images of a release", async () => {
    const last = (await readStages(file)).at(-1)!;
    const valueOf = (wanted: string) => last.findLast(([instruction]) => instruction === wanted)?.[1] ?? "";
    const { User, WorkingDir, Cmd, Healthcheck } = imageSettings;
    expect(valueOf("USER")).toBe(User);
    expect(valueOf("WORKDIR")).toBe(WorkingDir);
    expect(JSON.parse(valueOf("CMD"))).toEqual([...Cmd]);
    const [, settings = "", command = ""] = /^(.*) CMD (.*)$/.exec(valueOf("HEALTHCHECK")) ?? [];
    expect(["CMD", ...(JSON.parse(command) as string[])]).toEqual([...Healthcheck.Test]);
    const { Interval, Timeout, StartPeriod, Retries } = Healthcheck;
    const [interval, timeout, start] = [Interval, Timeout, StartPeriod].map((duration) => duration / 1e9);
    const expected = `--interval=${interval}s --timeout=${timeout}s --start-period=${start}s`;
    expect(settings).toBe(`${expected} --retries=${Retries}`);
  });

  test("makes user 1000, keeps jobs from the program, and has only shell text that sh can parse", async () => {
    const stages = await readStages(file);
    const last = stages.at(-1)!.map(([instruction, value]) => `${instruction} ${value}`);
    expect(last.join("\n")).toMatch(/ (-u|--uid) 1000 .*semaphore$/m);
    expect(last.join("\n")).toMatch(
      /^COPY --from=\S+ --chown=root:root --chmod=0711 \S+ \/opt\/semaphore\/agent$/m,
    );
    for (const [instruction, value] of stages.flat())
      if (instruction === "RUN") run(["sh", "-n", "-c", value]);
  });
});

describe("the first stage of alpine.Dockerfile", () => {
  /** Runs the stage's shell text on the files of a release, with an `apk` that names the processor. */
  async function unpack(directory: string, processor: string): Promise<void> {
    const commands = path.join(directory, "bin");
    await mkdir(commands);
    await writeFile(path.join(commands, "apk"), `#!/bin/sh\necho ${processor}\n`);
    await chmod(path.join(commands, "apk"), 0o755);
    const [, text] = (await readStages(alpine))[0]!.find(([instruction]) => instruction === "RUN")!;
    const PATH = `${commands}:${process.env["PATH"]}`;
    run(["sh", "-c", text], { cwd: directory, env: { PATH } });
  }

  async function makeFiles(directory: string): Promise<void> {
    const names = targets.filter(({ bun }) => bun.endsWith("musl")).map(({ archive }) => `${archive}.tar.gz`);
    for (const name of names) {
      const entries = ["agent", "licenses.txt"].map((file) => ({ name: file, content: Buffer.from(name) }));
      await writeArchive(path.join(directory, name), entries, 0);
    }
    await writeChecksums(directory, { version: "1.2.3", files: names });
  }

  test.each([
    ["x86_64", "agent_Linux_x86_64_musl.tar.gz"],
    ["aarch64", "agent_Linux_arm64_musl.tar.gz"],
  ])("unpacks the program for %s", async (processor, archive) => {
    await using place = await tmpdir();
    await makeFiles(place.path);
    await unpack(place.path, processor);
    expect(await readFile(path.join(place.path, "agent"), "utf8")).toBe(archive);
  });

  test("refuses a changed archive, an archive that SHA256SUMS does not name, and another processor", async () => {
    const archive = "agent_Linux_x86_64_musl.tar.gz";
    const cases = [
      { processor: "x86_64", file: archive, content: "changed", reason: `${archive}: FAILED` },
      { processor: "x86_64", file: "SHA256SUMS", content: "", reason: `does not name "${archive}"` },
      { processor: "riscv64", file: "other", content: "", reason: 'no program for the processor "riscv64"' },
    ];
    for (const { processor, file, content, reason } of cases) {
      await using place = await tmpdir();
      await makeFiles(place.path);
      await writeFile(path.join(place.path, file), content);
      await expect(unpack(place.path, processor)).rejects.toThrow(reason);
      expect(await readdir(place.path)).not.toContain("agent");
    }
  });
});
