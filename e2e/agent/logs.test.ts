import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { createScene, type Scene } from "../support/agents.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outline, until } from "../support/jobs.ts";

/**
 * Writes a stand-in for the program `artifact` that keeps the uploaded file, its arguments and its
 * environment.
 */
async function writeArtifact(scene: Scene, more = ""): Promise<Record<string, string>> {
  const script = `#!/bin/bash
echo "$@" > "$HOME/artifact.words"
env > "$HOME/artifact.env"
cp "$3" "$HOME/artifact.file"
echo uploaded with $SEMAPHORE_ARTIFACT_TOKEN
${more}
`;
  await scene.tester.write("bin/artifact", script, 0o755);
  return { PATH: `${scene.tester.home}/bin:${process.env.PATH}` };
}

const inHome = (scene: Scene, file: string) => path.join(scene.tester.home, file);
const read = (scene: Scene, file: string) => readFile(inHome(scene, file), "utf8");
const artifactToken = "artifact-token-4711";

describe("upload-job-logs", () => {
  test.concurrent("always: the complete log is uploaded as text before the result is reported, and removed from the disk", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const env = await writeArtifact(scene, 'sleep 0.3; touch "$HOME/uploaded"');
    await scene.readyAgent(["--upload-job-logs", "always"], { env });
    const id = await hub.submit({
      env_vars: [{ name: "SEMAPHORE_ARTIFACT_TOKEN", value: btoa(artifactToken) }],
      commands: ["echo hello", "head -c 200000 /dev/zero | tr '\\0' x; echo", "(exit 3)"],
    });
    expect((await hub.done(id)).result).toBe("failed");
    expect(existsSync(inHome(scene, "uploaded"))).toBe(true);
    expect(await read(scene, "artifact.words")).toMatch(/^push job \S+ -d agent\/job_logs\.txt\n$/);
    const text = await read(scene, "artifact.file");
    expect(text).toContain("\necho hello\nhello\n");
    expect(text).toContain(`\n${"x".repeat(200_000)}\n(exit 3)\n`);
    const variables = await read(scene, "artifact.env");
    expect(variables).toContain(`SEMAPHORE_ARTIFACT_TOKEN=${artifactToken}\n`);
    expect(variables).toContain(`SEMAPHORE_JOB_ID=${id}\n`);
    expect(variables).toContain(`SEMAPHORE_ORGANIZATION_URL=http://${hub.endpoint}\n`);
    expect(variables).not.toContain(registrationToken);
    const log = await scene.agentLog();
    expect(log).toContain("uploaded with");
    expect(log).not.toContain(artifactToken);
    const files = await readdir(scene.stateDirectory, { recursive: true });
    expect(files.filter((file) => /\.txt/.test(file))).toEqual([]);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("when-trimmed: only a log that the server has trimmed is uploaded, compressed when it is large", async () => {
    await using scene = await createScene({ hub: ["--log-limit", "20000"] });
    const { hub } = scene;
    const env = await writeArtifact(scene);
    await scene.readyAgent(["--upload-job-logs", "when-trimmed", "--logs-compression-size", "1048576"], {
      env,
    });
    const small = await hub.submit({ commands: ["echo small"] });
    await hub.done(small);
    expect(existsSync(inHome(scene, "artifact.words"))).toBe(false);
    const lines = "seq 1 200000; sleep 0.5; seq 1 10; sleep 0.5; seq 1 10";
    const id = await hub.submit({ commands: [lines] });
    const view = await hub.done(id);
    expect(view).toMatchObject({ result: "passed", log: { isTrimmed: true } });
    expect(await read(scene, "artifact.words")).toEndWith(" -d agent/job_logs.txt.gz\n");
    const text = gunzipSync(await readFile(inHome(scene, "artifact.file"))).toString();
    expect(text).toContain(`\n${lines}\n1\n2\n3\n`);
    expect(text).toContain("\n199999\n200000\n1\n2\n");
    expect(outline(await scene.keptLog(id)).at(-1)).toBe("end passed");
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent.each([
    ["is missing", undefined, 'PATH=""'],
    ["fails", "echo broken >&2; exit 4", ""],
    ["hangs", "trap '' TERM; while :; do sleep 1; done", ""],
  ])(
    "an artifact program that %s is an error in the agent's log and does not fail the job",
    async (_, more) => {
      await using scene = await createScene();
      const env = more === undefined ? {} : await writeArtifact(scene, more);
      await scene.readyAgent(["--upload-job-logs", "always", "--artifact-upload-timeout", "2"], { env });
      const id = await scene.hub.submit({ commands: ["true"] });
      expect((await scene.hub.done(id)).result).toBe("passed");
      expect(await scene.agentLog()).toMatch(/level=error .*artifact/);
      const next = await scene.hub.submit({ commands: ["true"] });
      expect((await scene.hub.done(next)).result).toBe("passed");
    },
  );
});

describe("signalman logs", () => {
  test.concurrent("lists the jobs of this host, the newest first, and shows a log by a prefix of the job's id", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent();
    const ids = [];
    for (const word of ["first", "second", "third"]) {
      ids.unshift(await hub.submit({ commands: [`echo ${word}`] }));
      await hub.done(ids[0]!);
    }
    const place = ["--state-dir", scene.stateDirectory];
    await until(
      "all jobs are reported",
      async () => !(await tester.run(["logs", ...place])).stdout.includes("not reported"),
    );
    const { stdout } = await tester.run(["logs", "--json", ...place]);
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { job: string; result: string });
    expect(rows.map(({ job, result }) => [job, result])).toEqual(ids.map((id) => [id, "passed"]));
    const one = await tester.run(["logs", ids[1]!.slice(0, 13), ...place]);
    expect(one.exitCode).toBe(0);
    expect(one.stdout).toContain("second");
    const none = await tester.run(["logs", "no-such-job", ...place]);
    expect({ exitCode: none.exitCode, isSaid: none.stderr.includes('"no-such-job"') }).toEqual({
      exitCode: 2,
      isSaid: true,
    });
  });

  test.concurrent("has the complete log of a job whose log server failed", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await hub.addFault({ on: "log", kind: "status", status: 500 });
    await scene.readyAgent(["--log-flush-timeout", "1"]);
    const id = await hub.submit({ commands: ["seq 1 100"] });
    expect((await hub.done(id)).result).toBe("passed");
    expect(await hub.log(id)).toEqual([]);
    expect(outline(await scene.keptLog(id))[3]).toEndWith("\n99\n100\n");
    expect(await scene.agentLog()).toContain("log delivered only in part");
  });

  test.concurrent("a log that is trimmed at the server is complete on disk, and nothing is pushed after the rejection", async () => {
    await using scene = await createScene({ hub: ["--log-limit", "5000"] });
    const { hub } = scene;
    await scene.readyAgent();
    const id = await hub.submit({
      commands: ["seq 1 5000; sleep 0.3; seq 1 50; sleep 0.3; seq 1 50; sleep 0.3"],
    });
    expect(await hub.done(id)).toMatchObject({ result: "passed", log: { isTrimmed: true } });
    expect(JSON.stringify((await hub.log(id)).at(-1))).toContain("Log is trimmed.");
    expect(outline(await scene.keptLog(id)).at(-1)).toBe("end passed");
    expect(await hub.violations()).toEqual([]);
  });
});
