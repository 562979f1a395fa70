import { expect, test } from "bun:test";
import { chmod, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import { createTester, root } from "../support/fixtures.ts";

// The commands of this project's pipelines run as jobs of this program. What would publish something only
// notes how it was called.

interface Task {
  readonly prologue?: { readonly commands: readonly string[] };
  readonly jobs: readonly { readonly name: string; readonly commands: readonly string[] }[];
}

interface Pipeline {
  readonly blocks: readonly { readonly name: string; readonly task: Task }[];
}

const noted = ["checkout", "npm", "sudo", "artifact", "skopeo", "helm", "rclone", "sha256sum"];
const variables = {
  SEMAPHORE_GIT_TAG_NAME: "v1.2.3",
  BASE_IMAGE: "debian@sha256:00",
  SMALL_BASE_IMAGE: "small@sha256:00",
  IMAGE_REPOSITORY: "images.example.com/ci",
};

/** Runs a job of a pipeline, and returns how the programs were called. */
async function runJob(file: string, name: string): Promise<string[]> {
  const pipeline = parse(await readFile(path.join(root, ".semaphore", file), "utf8")) as Pipeline;
  const task = pipeline.blocks
    .map((block) => block.task)
    .find(({ jobs }) => jobs.some((job) => job.name === name))!;
  const { commands } = task.jobs.find((job) => job.name === name)!;
  await using tester = await createTester();
  for (const program of noted) {
    const script = `#!/bin/sh\nprintf '%s' ${program} >> "$HOME/calls"; printf ' <%s>' "$@" >> "$HOME/calls"; echo >> "$HOME/calls"\n`;
    await chmod(await tester.write(`bin/${program}`, script), 0o755);
  }
  await mkdir(path.join(tester.home, "release"));
  const env_vars = Object.entries(variables).map(([key, value]) => ({
    name: key,
    value: Buffer.from(value).toString("base64"),
  }));
  const job = {
    env_vars,
    commands: [`export PATH="$HOME/bin:$PATH"`, ...(task.prologue?.commands ?? []), ...commands],
  };
  const { exitCode, stdout } = await tester.run(["run", await tester.write("job.json", JSON.stringify(job))]);
  if (exitCode !== 0) throw new Error(stdout);
  return (await readFile(path.join(tester.home, "calls"), "utf8")).trimEnd().split("\n");
}

test.each<[string, string, string[]]>([
  ["semaphore.yml", "Checks and tests", ["checkout <>", "npm <test>"]],
  ["semaphore.yml", "End to end", ["checkout <>", "sudo <--preserve-env> <.ci/run>"]],
  [
    "release.yml",
    "Release",
    [
      "checkout <>",
      "skopeo <copy> <docker://debian@sha256:00> <oci-archive:/tmp/base.tar>",
      "skopeo <copy> <docker://small@sha256:00> <oci-archive:/tmp/small-base.tar>",
      "npm <run> <release> <--> <1.2.3>",
      "artifact <push> <workflow> <dist/release> <--destination> <release>",
    ],
  ],
  [
    "release.yml",
    "npm",
    [
      "artifact <pull> <workflow> <release>",
      "sha256sum <--check> <--quiet> <SHA256SUMS>",
      "npm <publish> <release/signalman-1.2.3.tgz> <--access> <public>",
    ],
  ],
  [
    "release.yml",
    "Images",
    [
      "artifact <pull> <workflow> <release>",
      "sha256sum <--check> <--quiet> <SHA256SUMS>",
      "skopeo <copy> <oci-archive:release/signalman_1.2.3_amd64.oci.tar> <docker://images.example.com/ci/signalman:1.2.3>",
      "skopeo <copy> <oci-archive:release/signalman-small_1.2.3_amd64.oci.tar> <docker://images.example.com/ci/signalman-small:1.2.3>",
      "helm <push> <release/signalman-agent-1.2.3.tgz> <oci://images.example.com/ci/charts>",
    ],
  ],
  [
    "release.yml",
    "Files",
    [
      "artifact <pull> <workflow> <release>",
      "sha256sum <--check> <--quiet> <SHA256SUMS>",
      "rclone <copy> <release> <releases:1.2.3>",
    ],
  ],
])("%s: the job %s calls what it should", async (file, name, calls) => {
  expect(await runJob(file, name)).toEqual(calls);
});
