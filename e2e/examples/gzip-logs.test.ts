import { expect, test } from "bun:test";
import { createExampleScene } from "./example-plugins.ts";
import { until } from "../support/jobs.ts";

test.concurrent("gzip-logs uploads the log as it is kept, over errors of the server and an agent that is killed", async () => {
  const objects = new Map<number, string>();
  let calls = 0;
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = new Uint8Array(await request.arrayBuffer());
      if ((calls += 1) % 3 === 1) return new Response("", { status: 500 });
      const [, event] = /\/(\d+)\.gz$/.exec(request.url)!;
      objects.set(Number(event), new TextDecoder().decode(Bun.gunzipSync(body)));
      return new Response("");
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  await using scene = await createExampleScene("gzip-logs.ts", { url }, { "log-methods": { push: "gzip" } });
  const { hub, tester } = scene;
  const first = await scene.startAgent();
  const noise = "seq 300000; echo started; while [ ! -e go ]; do sleep 0.05; done; echo over";
  const id = await hub.submit({ commands: [noise, "head -c 100000 /dev/urandom"] });
  await until("a part is stored", () => objects.size > 0);
  first.kill("SIGKILL");
  await first.finished;
  await scene.startAgent();
  await tester.write("go", "");
  expect((await hub.done(id)).result).toBe("passed");
  const kept = await tester.run(["logs", id, "--json", "--state-dir", scene.stateDirectory]);
  const stored = [...objects].toSorted(([a], [b]) => a - b).map(([, text]) => text);
  expect(stored.join("") === kept.stdout).toBe(true);
  expect(await scene.agentLog()).toContain("is sent again: status 500");
});
