import { expect, test } from "bun:test";
import path from "node:path";
import { tmpdir } from "signalman/testing";
import { createScene } from "../support/agents.ts";
import { binary, root } from "../support/fixtures.ts";
import { outline } from "../support/jobs.ts";

const call = `${process.execPath} ${path.join(root, "e2e/support/s3-call.ts")}`;
const secret = "a secret of 32 characters or more";

test("agents of several hosts share the cache of `cache serve`, which stops when it is told to", async () => {
  await using tmp = await tmpdir();
  const port = await findPort();
  const child = Bun.spawn(
    [
      binary,
      ..."cache serve --cache-size 64MiB --cache-path".split(" "),
      path.join(tmp.path, "cache"),
      `--cache-listen=127.0.0.1:${port}`,
    ],
    {
      env: { ...process.env, SEMAPHORE_AGENT_CACHE_SECRET: secret },
      cwd: tmp.path,
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const flags = ["--cache-url", `http://127.0.0.1:${port}`];
  const env = { SEMAPHORE_AGENT_CACHE_SECRET: secret };
  for await (const bytes of child.stdout) if (Buffer.from(bytes).includes("a cache of 64.0 MiB is at")) break;
  const run = async (commands: string[]): Promise<string> => {
    await using scene = await createScene();
    await scene.readyAgent(flags, { env });
    const id = await scene.hub.submit({ commands });
    expect((await scene.hub.done(id)).result).toBe("passed");
    return outline(await scene.hub.log(id)).join("\n");
  };
  const first = await run([`${call} PUT node 'the modules'`, "env"]);
  expect(first).toContain("PUT node: 200 \n");
  expect(first).toContain("[Cache] 0: 0 objects restored (0 bytes), 0 not found, 11 bytes stored in ");
  expect(first).not.toContain(secret);
  const second = await run([`${call} GET node`]);
  expect(second).toContain("GET node: 200 the modules\n");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

async function findPort(): Promise<number> {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  return server.port;
}
