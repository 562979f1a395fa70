import { describe, expect, test } from "bun:test";
import { useTestEngine } from "../support/containers.ts";
import { openOwnEngine } from "../support/engine/own-engine.ts";
import { outline, toEvents } from "../support/jobs.ts";

// Files of the small image are there once the shared engine was prepared.
useTestEngine();

function toLines(stdout: string): string[] {
  return outline(toEvents(stdout));
}

describe("a job whose engine", () => {
  test("is shut down fails, and the log gives the reason", async () => {
    await using engine = await openOwnEngine();
    const running = await engine.startJob(["--docker-engine-timeout=10"]);
    await running.shows('"output":"begun');
    await engine.daemon.end("SIGTERM");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(1);
    const command = toLines(stdout).find((line) => line.startsWith("[echo begun"));
    expect(command).toMatch(
      /1: begun\n\[signalman: the Docker engine was shut down or does not answer: .*no Docker engine answers at .*\]\n$/,
    );
    expect(toLines(stdout).at(-1)).toBe("end failed");
  });

  test.each([
    ["SIGTERM", [], "the Docker engine was restarted and has ended the job's container"],
    [
      "SIGTERM",
      ["--live-restore"],
      "the Docker engine was restarted: the job's container kept running, but ",
    ],
    [
      "SIGKILL",
      ["--live-restore"],
      "the Docker engine was restarted: the job's container kept running, but ",
    ],
  ] as const)(
    "is restarted after %s with %p fails, the log gives the reason, and nothing of it runs on",
    async (signal, options, line) => {
      await using engine = await openOwnEngine({ arguments: options });
      const running = await engine.startJob();
      await running.shows('"output":"begun');
      await engine.daemon.end(signal);
      await engine.restart();
      const { exitCode, stdout } = await running.finished;
      expect(exitCode).toBe(1);
      const command = toLines(stdout).find((each) => each.startsWith("[echo begun"));
      expect(command).toStartWith(`[echo begun; sleep 1000; echo never] 1: begun\n[signalman: ${line}`);
      expect(toLines(stdout).at(-1)).toBe("end failed");
      expect(await engine.api.get("/containers/json?all=1")).toEqual([]);
    },
  );

  test("stops answering fails within its time-out", async () => {
    await using engine = await openOwnEngine();
    const running = await engine.startJob(["--docker-engine-timeout=10"]);
    await running.shows('"output":"begun');
    process.kill(engine.daemon.pid, "SIGSTOP");
    try {
      const { exitCode, stdout } = await running.finished;
      expect(exitCode).toBe(1);
      expect(toLines(stdout).find((line) => line.startsWith("[echo begun"))).toContain(
        "[signalman: the Docker engine was shut down or does not answer: ",
      );
    } finally {
      process.kill(engine.daemon.pid, "SIGCONT");
    }
  });
});
