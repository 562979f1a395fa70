import { describe, expect, test } from "bun:test";
import { containerJob, createContainerScene, testEngine, useTestEngine } from "../support/containers.ts";
import { deriveImage, images } from "../support/engine/images.ts";

useTestEngine();

describe("images of all kinds", () => {
  test("one without bash fails the job, and its log gives the reason", async () => {
    await using scene = await createContainerScene();
    const { outline, exitCode } = await scene.run(containerJob(["echo never"], [{ image: images.busybox }]));
    expect(outline[2]).toBe(
      `[Starting the docker image...] 1: Starting a new bash session.\nFailed to start the docker image\nimage "${images.busybox}" has no bash, which runs the job's commands: install bash 4.1 or newer in the image, or use another image\n`,
    );
    expect(outline.at(-1)).toBe("end failed");
    expect(exitCode).toBe(1);
    expect(await scene.left()).toEqual([]);
  });

  test("one with another user, no /tmp and no home works", async () => {
    await using scene = await createContainerScene();
    const engine = await testEngine();
    const image = "signalman-test/bare:latest";
    const script = "rm -rf /tmp /home; useradd --no-create-home --uid 4321 somebody; chmod 755 /";
    await deriveImage(engine.socket, { from: images.debian, to: image, script, changes: ["USER somebody"] });
    const { outline, exitCode } = await scene.run(
      containerJob(["id -un; pwd; echo $VARIABLE"], [{ image }], { env: { VARIABLE: "x" } }),
    );
    expect(outline[5]).toEndWith("0: somebody\n/\nx\n");
    expect(exitCode).toBe(0);
  });

  test("an entrypoint that does not start what it is given fails the job, with its own words", async () => {
    await using scene = await createContainerScene();
    const job = containerJob(["echo never"], [{ entrypoint: "sh -c 'echo I refuse; exit 4'" }]);
    const { outline, exitCode } = await scene.run(job);
    expect(outline[2]).toContain("Failed to start the docker image\n");
    expect(outline[2]).toContain("I refuse");
    expect(exitCode).toBe(1);
  });
});

describe("services", () => {
  test("one that dies at once is reported with its last lines, and the job goes on", async () => {
    await using scene = await createContainerScene();
    const engine = await testEngine();
    const image = "signalman-test/dying:latest";
    const health = "HEALTHCHECK --interval=1s --start-period=600s CMD false";
    await deriveImage(engine.socket, { from: images.busybox, to: image, script: "true", changes: [health] });
    const service = { name: "db", image, command: "sh -c 'echo no disk; exit 3'" };
    const { outline } = await scene.run(containerJob(["echo on", "false"], [{}, service]));
    expect(outline[2]).toContain("Container db ended with exit code 3. Its last lines:\nno disk\n");
    expect(outline.slice(5, 7)).toEqual(["[echo on] 0: on\n", "[false] 1: "]);
  });

  test("one that dies later is named by the next command that fails, once", async () => {
    await using scene = await createContainerScene();
    const service = { name: "db", command: "sh -c 'nc -l -p 80; exit 3'" };
    const end =
      "until (: </dev/tcp/db/80) 2>/dev/null; do sleep 0.1; done; while getent hosts db >/dev/null; do sleep 0.1; done";
    const { outline } = await scene.run(
      containerJob([end, "false"], [{}, service], { epilogue_always_commands: ["false"] }),
    );
    expect(outline.slice(6, 7)).toEqual([
      '[false] 1: [signalman: container "db" has ended with exit code 3]\n',
    ]);
    expect(outline.join("").match(/container "db" has ended/g)).toHaveLength(1);
  });

  test("one with a health check is waited for, for a while", async () => {
    await using scene = await createContainerScene();
    const engine = await testEngine();
    const image = "signalman-test/healthy:latest";
    const health = "HEALTHCHECK --interval=200ms --start-period=30s CMD test -e /ready";
    await deriveImage(engine.socket, { from: images.busybox, to: image, script: "true", changes: [health] });
    const service = (command: string) => ({ name: "db", image, command });
    const good = await scene.run(
      containerJob(["echo on"], [{}, service("sh -c 'sleep 1; touch /ready; sleep 1000'")]),
    );
    expect(good.outline[2]).toMatch(
      /Waiting until container db is healthy\nContainer db is healthy after \d+\.\d s\n$/,
    );
    const late = await scene.run(containerJob(["echo on"], [{}, service("sleep 1000")]), [
      "--docker-service-timeout=1",
    ]);
    expect(late.outline[2]).toMatch(/Container db is not healthy after \d\.\d s \(docker-service-timeout\)/);
    expect(late.exitCode).toBe(0);
  });

  test("one that cannot be started fails the job", async () => {
    await using scene = await createContainerScene();
    const { outline, exitCode } = await scene.run(
      containerJob(["echo never"], [{}, { name: "db", command: "no-such-program" }]),
    );
    expect(outline[2]).toMatch(
      /Failed to start the docker image\ncannot start container "db": .*no-such-program/,
    );
    expect(exitCode).toBe(1);
    expect(await scene.left()).toEqual([]);
  });
});
