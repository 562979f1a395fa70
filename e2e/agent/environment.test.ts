import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createCertificate, createCertificateFiles } from "../../plugins/serve/testing/certificate.ts";
import { createScene } from "../support/agents.ts";
import { createTester } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";

/** A control plane whose certificate nothing vouches for. Records the credentials that it receives. */
function startImpostor() {
  const received: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: createCertificate(),
    fetch({ headers }) {
      received.push(headers.get("authorization") ?? "");
      return new Response("no", { status: 401 });
    },
  });
  return {
    endpoint: `127.0.0.1:${server.port}`,
    received,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

const unverified = { NODE_TLS_REJECT_UNAUTHORIZED: "0", SEMAPHORE_AGENT_TOKEN: registrationToken };

test.concurrent("an agent does not start where the environment turns off the verification of certificates", async () => {
  await using tester = await createTester();
  await using impostor = startImpostor();
  const args = ["start", "--endpoint", impostor.endpoint, "--register-attempts", "1"];
  const { exitCode, stderr } = await tester.run(args, { env: unverified });
  expect(impostor.received).toEqual([]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('"NODE_TLS_REJECT_UNAUTHORIZED=0" in the environment turns off');
  expect(stderr).toContain("remove it");
});

test.concurrent("`serve` does not start there either, and `doctor` reports an error", async () => {
  await using tester = await createTester();
  const serve = ["serve", "--auth-token-secret", "secret", "--port", "0"];
  createCertificateFiles(tester.home);
  const served = await tester.run(serve, { env: unverified });
  expect(served.exitCode).toBe(1);
  expect(served.stderr).toContain("NODE_TLS_REJECT_UNAUTHORIZED");
  const { exitCode, stdout } = await tester.run(["doctor", "--json", "--timeout", "1"], { env: unverified });
  expect(exitCode).toBe(1);
  const { findings } = JSON.parse(stdout) as { findings: { level: string; title: string }[] };
  expect(findings).toContainEqual(
    expect.objectContaining({
      level: "error",
      title: expect.stringContaining("NODE_TLS_REJECT_UNAUTHORIZED"),
    }),
  );
});

test.concurrent("programs that an agent or a plugin starts do not inherit BUN_OPTIONS", async () => {
  await using scene = await createScene();
  const { tester } = scene;
  const seen = path.join(tester.home, "seen");
  const child = `require("node:child_process").spawnSync("env", { stdio: ["ignore", fs.openSync(${JSON.stringify(seen)}, "w")] })`;
  const plugin = `import fs from "node:fs"; export default { name: "p", setup(c) { c.hook("agent:start", () => void ${child}); } };`;
  await tester.write("p.ts", plugin);
  const config = await tester.write("agent.yaml", "plugins: { ./p.ts: {} }\n");
  const args = ["--config-file", config, "--endpoint", scene.hub.endpoint, "--no-https"];
  const agent = tester.start(["start", ...args], {
    env: { BUN_OPTIONS: "--smol", MINE: "mine", SEMAPHORE_AGENT_TOKEN: registrationToken },
  });
  await agent.shows("registered");
  const environment = await readFile(seen, "utf8");
  expect(environment).toContain("MINE=mine");
  expect(environment).not.toContain("BUN_OPTIONS");
});

test.concurrent("what BUN_OPTIONS preloads is executed in no process of a job", async () => {
  await using scene = await createScene();
  const { hub, tester } = scene;
  const list = path.join(tester.home, "processes");
  const appended = `require("node:fs").appendFileSync(${JSON.stringify(list)}, process.argv.slice(1, 3).join(" ") + "\\n");`;
  const preload = await tester.write("preload.cjs", appended);
  await scene.readyAgent([], { env: { BUN_OPTIONS: `--preload=${preload}` } });
  const id = await hub.submit({ commands: ["env"] });
  await hub.done(id);
  const processes = await readFile(list, "utf8");
  expect(processes).toContain("start");
  expect(processes).not.toContain("job-process");
});
