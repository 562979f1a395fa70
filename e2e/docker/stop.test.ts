import { describe, expect, test } from "bun:test";
import { containerJob, createContainerScene, testEngine, useTestEngine } from "../support/containers.ts";
import { deriveImage, images } from "../support/engine/images.ts";
import { outline, toEvents, until } from "../support/jobs.ts";

useTestEngine();

const grace = ["--stop-grace-period=1"];

describe("a job that is stopped leaves nothing", () => {
  test("while it pulls from a registry that is silent", async () => {
    await using scene = await createContainerScene();
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const image = `127.0.0.1:${silent.port}/test/silent:1`;
    const running = await scene.start(containerJob(["echo never"], [{ image }]), grace);
    await running.shows(`Pulling ${image}`);
    running.kill("SIGINT");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(130);
    expect(outline(toEvents(stdout))).toEqual([
      "start",
      `[Pulling docker images...] 1: Pulling ${image}\n`,
      "end stopped",
    ]);
    expect(await scene.left()).toEqual([]);
  });

  test("while its services start", async () => {
    await using scene = await createContainerScene();
    const engine = await testEngine();
    const image = "signalman-test/never-healthy:latest";
    const health = "HEALTHCHECK --interval=1s --start-period=600s CMD false";
    await deriveImage(engine.socket, { from: images.busybox, to: image, script: "true", changes: [health] });
    const running = await scene.start(
      containerJob(["echo never"], [{}, { name: "db", image, command: "sleep 1000" }]),
      grace,
    );
    await running.shows("Waiting until container db is healthy");
    running.kill("SIGINT");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(130);
    expect(outline(toEvents(stdout)).at(-1)).toBe("end stopped");
    expect(await scene.left()).toEqual([]);
  });

  test("while it floods", async () => {
    await using scene = await createContainerScene();
    const running = await scene.start(containerJob(["echo begun; yes", "echo never"]), grace);
    await running.shows(String.raw`y\ny\n`);
    running.kill("SIGINT");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(130);
    const lines = outline(toEvents(stdout));
    expect(lines.at(-2)).toStartWith("[echo begun; yes] 1: begun\ny\n");
    expect(lines.at(-1)).toBe("end stopped");
    expect(await scene.left()).toEqual([]);
  });

  test("when its programs ignore SIGTERM, have left their terminal, and belong to other users", async () => {
    await using scene = await createContainerScene();
    const script = [
      `(setsid sh -c 'trap "" TERM; sleep 1000' &)`,
      `(setpriv --reuid 777 --clear-groups sh -c 'trap "" TERM; sleep 1000' &)`,
      `trap "" TERM; sleep 0.5; echo begun; sh -c 'trap "" TERM; sleep 1000'; echo never`,
    ].join("\n");
    const running = await scene.start(containerJob([script, "echo never"]), grace);
    await running.shows('"output":"begun');
    running.kill("SIGINT");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(130);
    expect(outline(toEvents(stdout)).at(-2)).toBe(`[${script}] 1: begun\n`);
    expect(await scene.left()).toEqual([]);
  });
});

test("the post-job hook of a job that was stopped runs in a container of its own, with the job's environment", async () => {
  await using scene = await createContainerScene();
  const hook = await scene.tester.write("hook.sh", "echo hook sees $VARIABLE in $(hostname | wc -c)\n");
  const running = await scene.start(
    containerJob(["echo begun; sleep 1000"], [{}], { env: { VARIABLE: "x" } }),
    [...grace, "--files", `${hook}:/hook.sh`, "--post-job-hook-path", "/hook.sh"],
  );
  await running.shows('"output":"begun');
  running.kill("SIGINT");
  const { stdout } = await running.finished;
  const lines = outline(toEvents(stdout));
  expect(lines.at(-2)).toBe(
    "[Running the post-job hook configured in the agent] 0: Running: bash /hook.sh\nhook sees x in 13\n",
  );
  expect(lines.at(-1)).toBe("end stopped");
  expect(await scene.left()).toEqual([]);
});

test("when the process that runs the job is killed, nothing in its container runs on", async () => {
  await using scene = await createContainerScene();
  const { api } = await testEngine();
  const mark = `3600.${Math.floor(Math.random() * 1e9)}`;
  const running = await scene.start(
    containerJob([`(setsid sleep ${mark} &); echo begun; sleep ${mark}; touch /deployed; sleep ${mark}`]),
  );
  await running.shows('"output":"begun');
  running.kill("SIGKILL");
  await running.finished;
  const [container] = await api.get<{ Id: string }[]>(
    `/containers/json?filters=${encodeURIComponent(JSON.stringify({ label: ["signalman/purpose=session"] }))}`,
  );
  await until("the keeper has ended the job", async () => {
    const { Processes } = await api.get<{ Processes: string[][] }>(`/containers/${container!.Id}/top`);
    return !Processes.some((columns) => columns.join(" ").includes(mark));
  });
  const changes = await api.get<{ Path: string }[]>(`/containers/${container!.Id}/changes`);
  expect(changes.map(({ Path }) => Path)).not.toContain("/deployed");
  await api.call("DELETE", `/containers/${container!.Id}?force=1&v=1`);
  for (const name of await scene.left()) await api.call("DELETE", `/networks/${name}`);
});
