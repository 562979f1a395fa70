import { describe, expect, test } from "bun:test";
import { createTester } from "../support/fixtures.ts";
import { findLeftovers, runJob, toEvents } from "../support/jobs.ts";

interface Received {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly body: string;
}

/** Starts a server on loopback that records its requests. */
function listen(answer: (count: number) => Response = () => new Response()) {
  const received: Received[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      received.push({
        method: request.method,
        path: new URL(request.url).pathname,
        authorization: request.headers.get("authorization"),
        body: await request.text(),
      });
      return answer(received.length);
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { received, url, [Symbol.asyncDispose]: () => server.stop(true) };
}

const jobWith = (url: string, token: string, ...commands: string[]) => ({
  commands,
  callbacks: { finished: `${url}/finished`, teardown_finished: `${url}/teardown`, token },
  logger: { method: "push", url: `${url}/logs`, token: "log-token" },
});

describe("the callbacks of a job", () => {
  test("are not sent without --callbacks, and the log is not sent either", async () => {
    await using server = listen();
    await using tester = await createTester();
    expect((await runJob(tester, jobWith(server.url, "callback-token", "true"))).exitCode).toBe(0);
    expect(server.received).toEqual([]);
  });

  test.each([
    ["true", "passed", 0],
    ["false", "failed", 1],
    ["export SEMAPHORE_JOB_RESULT=x; (exit 130)", "stopped", 130],
  ])(
    "are sent with --callbacks after '%s': first the result %s, then the teardown, with the token",
    async (command, result, status) => {
      await using server = listen();
      await using tester = await createTester();
      const { exitCode, stdout, stderr } = await runJob(
        tester,
        jobWith(server.url, "callback-token", command),
        ["--callbacks"],
      );
      expect(server.received).toEqual([
        {
          method: "POST",
          path: "/finished",
          authorization: "Bearer callback-token",
          body: JSON.stringify({ result }),
        },
        { method: "POST", path: "/teardown", authorization: "Bearer callback-token", body: "{}" },
      ]);
      expect(exitCode).toBe(status);
      expect(stdout + stderr).not.toContain("callback-token");
    },
  );

  test("have no Authorization header without a token", async () => {
    await using server = listen();
    await using tester = await createTester();
    await runJob(tester, jobWith(server.url, "", "true"), ["--callbacks"]);
    expect(server.received.map(({ authorization }) => authorization)).toEqual([null, null]);
  });

  test("are retried after a server error; the teardown is sent after the result", async () => {
    await using server = listen((count) => new Response("", { status: count === 1 ? 503 : 200 }));
    await using tester = await createTester();
    const { exitCode } = await runJob(tester, jobWith(server.url, "t", "true"), ["--callbacks"]);
    expect(server.received.map(({ path }) => path)).toEqual(["/finished", "/finished", "/teardown"]);
    expect(exitCode).toBe(0);
  });

  test("that are rejected are reported with the reason and affect neither the log nor the job", async () => {
    await using server = listen(() => new Response("", { status: 403 }));
    await using tester = await createTester();
    const job = jobWith(server.url, "callback-token", "echo $X");
    const { exitCode, stdout, stderr } = await runJob(tester, job, ["--callbacks", "--json"]);
    expect(server.received.map(({ path }) => path)).toEqual(["/finished"]);
    expect(toEvents(stdout).at(-1)).toMatchObject({ event: "job_finished", result: "passed" });
    expect(stderr).toContain("403");
    expect(stderr).not.toContain("callback-token");
    expect(exitCode).toBe(0);
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test("are delivered when the answer has no end, of which only the beginning is read", async () => {
    const chunk = Bun.gzipSync(new Uint8Array(2 ** 20));
    const endless = () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }), {
        headers: { "Content-Encoding": "gzip" },
      });
    await using server = listen(endless);
    await using tester = await createTester();
    const { exitCode } = await runJob(tester, jobWith(server.url, "t", "true"), ["--callbacks"]);
    expect(server.received.map(({ path }) => path)).toEqual(["/finished", "/teardown"]);
    expect(exitCode).toBe(0);
  });

  test("that are retried do not delay Ctrl-C", async () => {
    await using server = listen(() => new Response("", { status: 503 }));
    await using tester = await createTester();
    const file = await tester.write("job.json", JSON.stringify(jobWith(server.url, "t", "true")));
    const running = tester.start(["run", file, "--callbacks"], { isTerminal: true });
    await running.shows("passed in ");
    while (server.received.length === 0) await Bun.sleep(10);
    running.type("\x03");
    const ended = await Promise.race([running.finished.then(() => true), Bun.sleep(8000).then(() => false)]);
    expect(ended).toBe(true);
  });
});
