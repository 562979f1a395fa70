import { expect, test } from "bun:test";
import { comparedJobs, toComparable } from "../support/compared-jobs.ts";
import { createContainerScene, useTestEngine } from "../support/containers.ts";
import { images } from "../support/engine/images.ts";
import { type JobFile, toEvents } from "../support/jobs.ts";

useTestEngine();

/** Blocks that only a job in containers has (protocol section 5.4). */
const setUp = /^\[(Pulling docker images\.\.\.|Starting the docker image\.\.\.)\] 0: /;

test.each(comparedJobs)("%s gives the same events in a shell and in a container", async (_, job) => {
  await using scene = await createContainerScene();
  const inContainer: JobFile = {
    ...job,
    executor: "dockercompose",
    compose: { containers: [{ name: "main", image: images.debian }] },
  };
  const inShell: JobFile = { ...job, executor: "shell" };
  const [shell, container] = [await run(scene, inShell), await run(scene, inContainer)];
  expect(container.exitCode).toBe(shell.exitCode);
  const lines = toComparable(container.events, scene.tester.home);
  expect(lines.filter((line) => !setUp.test(line))).toEqual(toComparable(shell.events, scene.tester.home));
});

async function run(scene: Awaited<ReturnType<typeof createContainerScene>>, job: JobFile) {
  const file = await scene.tester.write("job.json", JSON.stringify(job));
  // As in a container: bash takes its words for what it refuses from the locale.
  const { exitCode, stdout } = await scene.tester.run(["run", file, "--json"], {
    env: { ...scene.env, LANG: "C" },
  });
  return { exitCode, events: toEvents(stdout) };
}
