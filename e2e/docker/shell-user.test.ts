import { describe, expect, test } from "bun:test";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import {
  containerJob,
  type ContainerScene,
  createContainerScene,
  testEngine,
  useTestEngine,
} from "../support/containers.ts";
import { images } from "../support/engine/images.ts";
import { outputOf } from "../support/jobs.ts";
import { isRoot } from "../support/users.ts";

useTestEngine();

const withJobUsers = { hasJobUsers: true };

/** Asks the engine for a container with the whole host in it, and prints the first line of the answer. */
function attack(name: string): string {
  const body = JSON.stringify({ Image: images.debian, Cmd: ["true"], HostConfig: { Binds: ["/:/host"] } });
  const request = [
    `POST /v1.40/containers/create?name=${name} HTTP/1.0`,
    "Host: engine",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\\r\\n");
  const program = `$s = IO::Socket::UNIX->new("/var/run/docker.sock") or die "no engine\\n"; print $s "${request.replaceAll('"', String.raw`\"`)}"; print scalar <$s>`;
  return `perl -MIO::Socket::UNIX -e '${program}' 2>&1`;
}

/** The engine's answer to the attack of a job in a container. */
async function answerTo(scene: ContainerScene, args: readonly string[] = []) {
  const name = `attack-${crypto.randomUUID()}`;
  const command = attack(name);
  const { events, stderr } = await scene.run(containerJob([command]), args);
  const { api } = await testEngine();
  await api.call("DELETE", `/containers/${name}?force=true`).catch(() => {});
  return { answer: outputOf(events, command).trim(), stderr };
}

describe.if(isRoot)("with shell-user, a job in a container", () => {
  test("does not reach the engine, with which it would be root on the host", async () => {
    await using scene = await createContainerScene(withJobUsers);
    expect((await answerTo(scene)).answer).toBe("no engine");
  });

  test("reaches it if docker-mount-socket is set, and the agent and doctor warn", async () => {
    await using scene = await createContainerScene(withJobUsers);
    const { answer, stderr } = await answerTo(scene, ["--docker-mount-socket"]);
    expect(answer).toContain("201 Created");
    expect(stderr).toContain("docker-mount-socket is set together with shell-user");
    const { stdout } = await scene.tester.run(["doctor", "--json", "--docker-mount-socket"], {
      env: scene.env,
    });
    expect(stdout).toContain("docker-mount-socket is set together with shell-user");
  });

  test("makes the agent log the warning once, before it registers", async () => {
    await using scene = await createScene({}, withJobUsers);
    await scene.readyAgent(["--slots", "2", "--docker-mount-socket"]);
    const log = await Bun.file(path.join(scene.tester.temporary, "agent_log")).text();
    expect(log.match(/docker-mount-socket is set together with shell-user/g)).toHaveLength(1);
  });
});

test("without shell-user, a job in a container reaches the engine, as with Semaphore's agent", async () => {
  await using scene = await createContainerScene({ hasJobUsers: false });
  expect((await answerTo(scene)).answer).toContain("201 Created");
});
