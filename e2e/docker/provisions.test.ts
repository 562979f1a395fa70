import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { containerJob, createContainerScene, useTestEngine } from "../support/containers.ts";
import { outputOf } from "../support/jobs.ts";

useTestEngine();

const ca = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";

test.each([[[]], [["--docker-read-only"]]])(
  "containers have the operator's authorities and proxy, and the shell the toolbox: %p",
  async (more) => {
    await using scene = await createContainerScene();
    const toolbox = path.join(scene.tester.home, "toolbox");
    await mkdir(toolbox);
    await Bun.write(path.join(toolbox, "toolbox"), "checkout() { echo checked out; }\n");
    const file = await scene.tester.write("ca.pem", ca);
    const command = `cat $SSL_CERT_FILE; echo $GIT_SSL_CAINFO $https_proxy $NO_PROXY; checkout; touch ${toolbox}/x 2>&1 | grep -o Read-only`;
    const { events } = await scene.run(containerJob([command], [{}], {}), [
      "--job-ca-file",
      file,
      "--job-proxy",
      "http://proxy:3128",
      "--job-no-proxy",
      ".a",
      "--toolbox-path",
      toolbox,
      ...more,
    ]);
    expect(outputOf(events, command)).toBe(
      `${ca}/etc/signalman/ca.pem http://proxy:3128 .a\nchecked out\nRead-only\n`,
    );
  },
  120_000,
);

test("a directory without a toolbox, and a file that is missing, fail the job with the reason", async () => {
  await using scene = await createContainerScene();
  const job = containerJob(["echo never"], [{}], {});
  const run = async (args: readonly string[]) => (await scene.run(job, args)).events;
  const empty = path.join(scene.tester.home, "empty");
  await mkdir(empty);
  expect(outputOf(await run(["--toolbox-path", empty]), "Starting the docker image...")).toContain(
    `toolbox "${empty}/toolbox" could not be sourced in the job's container (exit code 1): `,
  );
  expect(outputOf(await run(["--job-ca-file", "/none.pem"]), "Starting the docker image...")).toContain(
    'job-ca-file "/none.pem" cannot be read: ENOENT',
  );
}, 120_000);
