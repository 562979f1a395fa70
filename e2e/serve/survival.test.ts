import { describe, expect, test } from "bun:test";
import { createHostedScene, type HostedScene } from "./hosted-client.ts";
import { outline, until } from "../support/jobs.ts";

/** Kills the agent with SIGKILL, while its job goes on, and starts it again. */
async function crash(scene: HostedScene): Promise<void> {
  scene.serve.kill("SIGKILL");
  await scene.restart();
}

/** Lets the job run until the file exists. */
const waitFor = (file: string) => `echo waiting; until [ -e ${file} ]; do sleep 0.05; done; echo went on`;

describe("an agent that was killed and started again on its state directory", () => {
  test.concurrent("resumes its job: the log is whole, and the callbacks are sent once", async () => {
    await using scene = await createHostedScene();
    await scene.submit({ job_id: "resumed", commands: [waitFor("go")] });
    await scene.shows("resumed", '"waiting');
    const before = await scene.log("resumed");
    await crash(scene);
    expect((await scene.call("GET", "/status")).text).toContain("job-received");
    await until("the log is back", async () => (await scene.log("resumed")).length >= before.length);
    expect((await scene.log("resumed")).slice(0, before.length)).toEqual(before);
    expect(await scene.submit({ job_id: "resumed", commands: [] })).toMatchObject({
      text: '{"message": "job is already running"}',
    });
    expect((await scene.submit({ job_id: "another", commands: ["true"] })).status).toBe(422);
    await scene.tester.write("go", "");
    expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
    expect(outline(await scene.archive("resumed"))).toContain(`[${waitFor("go")}] 0: waiting\nwent on\n`);
    await scene.callbacks.has("teardown");
    expect(scene.callbacks.received.map((callback) => callback.path)).toEqual(["/finished", "/teardown"]);
  });

  test.concurrent("reports a job that ended meanwhile", async () => {
    await using scene = await createHostedScene();
    await scene.submit({ job_id: "ended", commands: [waitFor("go"), "touch done"] });
    await scene.shows("ended", '"waiting');
    scene.serve.kill("SIGKILL");
    await scene.serve.finished;
    await scene.tester.write("go", "");
    await until("the job is over", () => Bun.file(`${scene.tester.home}/done`).exists());
    await scene.restart();
    expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
    expect(outline(await scene.archive("ended")).at(-1)).toBe("end passed");
    await scene.callbacks.has("teardown");
  });

  test.concurrent("waits for the archive when only that is missing, and sends `finished` only once", async () => {
    await using scene = await createHostedScene();
    await scene.submit({ job_id: "announced", commands: ["true"] });
    await scene.callbacks.has("finished");
    await until(
      "the result is stored",
      async () => (await scene.log("announced")).at(-1)?.event === "job_finished",
    );
    await crash(scene);
    await until(
      "the log is back",
      async () => (await scene.log("announced")).at(-1)?.event === "job_finished",
    );
    await scene.archive("announced");
    await scene.callbacks.has("teardown");
    expect(scene.callbacks.received.map((callback) => callback.path)).toEqual(["/finished", "/teardown"]);
  });

  test.concurrent("sends the teardown when only that is missing", async () => {
    await using scene = await createHostedScene();
    await scene.submit({ job_id: "archived", commands: ["true"] });
    await scene.callbacks.has("finished");
    await until(
      "the result is stored",
      async () => (await scene.log("archived")).at(-1)?.event === "job_finished",
    );
    scene.callbacks.status = 503;
    await scene.archive("archived");
    await until("the teardown was refused", () => scene.callbacks.refused > 0);
    scene.serve.kill("SIGKILL");
    scene.callbacks.status = 200;
    await scene.restart();
    await scene.callbacks.has("teardown");
    await until("the job is forgotten", async () =>
      (await scene.call("GET", "/agent_logs")).text.includes("job archived is finished"),
    );
    scene.serve.kill("SIGTERM");
    await scene.restart();
    // The next process begins without a job.
    expect((await scene.call("GET", "/status")).text).toContain("waiting-for-job");
    await scene.submit({ job_id: "archived", commands: ["true"] });
    await until(
      "it is reported again",
      () => scene.callbacks.received.filter(({ path }) => path === "/finished").length === 2,
    );
  });

  test.concurrent("hands over on SIGUSR2 and leaves the job running", async () => {
    await using scene = await createHostedScene();
    await scene.submit({ job_id: "handed-over", commands: [waitFor("go")] });
    await scene.shows("handed-over", '"waiting');
    scene.serve.kill("SIGUSR2");
    expect((await scene.serve.finished).exitCode).toBe(0);
    await scene.restart();
    await scene.tester.write("go", "");
    expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
    await scene.archive("handed-over");
    await scene.callbacks.has("teardown");
  });
});

describe("callbacks", () => {
  test.concurrent("are repeated until they are answered with 2xx; the log shows its end only then", async () => {
    await using scene = await createHostedScene();
    scene.callbacks.status = 500;
    await scene.submit({ job_id: "patient", commands: ["true"] });
    await until("two attempts are refused", () => scene.callbacks.refused >= 2);
    expect((await scene.log("patient")).map(({ event }) => event)).not.toContain("job_finished");
    scene.callbacks.status = 201;
    await scene.callbacks.has("finished");
    expect((await scene.archive("patient")).at(-1)?.event).toBe("job_finished");
    await scene.callbacks.has("teardown");
  });

  test.concurrent("end after callback-retry-attempts: no teardown, and no end of the log", async () => {
    await using scene = await createHostedScene(["--callback-retry-attempts", "2"]);
    scene.callbacks.status = 404;
    await scene.submit({ job_id: "given-up", commands: ["true"] });
    await until("it is given up", async () =>
      (await scene.call("GET", "/agent_logs")).text.includes("failed after 2 attempts"),
    );
    scene.callbacks.status = 200;
    await until("the job is over", async () =>
      (await scene.call("GET", "/agent_logs")).text.includes("job given-up is finished"),
    );
    expect(scene.callbacks.received).toEqual([]);
    expect((await scene.log("given-up")).at(-1)?.event).toBe("cmd_finished");
  });

  test.concurrent("are sent before an agent that was told to exit does so", async () => {
    await using scene = await createHostedScene();
    await scene.submit({ job_id: "exiting", commands: [waitFor("go")] });
    await scene.shows("exiting", '"waiting');
    scene.serve.kill("SIGTERM");
    await scene.tester.write("go", "");
    expect((await scene.serve.finished).exitCode).toBe(0);
    expect(scene.callbacks.received.map((callback) => callback.path)).toEqual(["/finished", "/teardown"]);
  });
});
