import { describe, expect, test } from "bun:test";
import { containerJob, useTestEngine } from "../support/containers.ts";
import { openOwnEngine } from "../support/engine/own-engine.ts";
import { createTester } from "../support/fixtures.ts";
import { outline, toEvents } from "../support/jobs.ts";

// Files of the small image are there once the shared engine was prepared.
useTestEngine();

function toLines(stdout: string): string[] {
  return outline(toEvents(stdout));
}

describe("a job whose engine", () => {
  test("is restarted fails, the log gives the reason, and nothing of it runs on", async () => {
    await using engine = await openOwnEngine();
    const running = await engine.startJob();
    await running.shows('"output":"begun');
    await engine.daemon.end("SIGKILL");
    await engine.restart();
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(1);
    const command = toLines(stdout).find((each) => each.startsWith("[echo begun"));
    expect(command).toStartWith(
      `[echo begun; sleep 1000; echo never] 1: begun\n[signalman: the Docker engine was restarted and has ended the job's container`,
    );
    expect(toLines(stdout).at(-1)).toBe("end failed");
    expect(await engine.api.get("/containers/json?all=1")).toEqual([]);
  });

  test("is not there fails at once, with what to do", async () => {
    await using tester = await createTester();
    const file = await tester.write("job.json", JSON.stringify(containerJob(["echo never"])));
    const env = { DOCKER_HOST: "unix:///nowhere/docker.sock" };
    const { exitCode, stdout } = await tester.run(["run", file, "--json"], { env });
    expect(exitCode).toBe(1);
    expect(toLines(stdout)[1]).toContain(
      'no Docker engine answers at "unix:///nowhere/docker.sock": start it',
    );
  });
});
