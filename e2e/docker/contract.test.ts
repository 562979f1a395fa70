import { afterAll, beforeAll } from "bun:test";
import { config } from "../../plugins/docker/config.ts";
import { createDockerExecutor } from "../../plugins/docker/docker.ts";
import * as v from "valibot";
import { jobRequest, testExecutor } from "../../src/testing/index.ts";
import { type Engine, openEngine } from "../support/engine/engine.ts";
import { images } from "../support/engine/images.ts";

let engine: Engine;

beforeAll(async () => {
  engine = await openEngine();
}, 300_000);

afterAll(() => engine?.[Symbol.asyncDispose]());

testExecutor({
  name: "docker",
  timeoutMs: 60_000,
  create: (context) => createExecutor(context, images.debian),
  createBroken: (context) => createExecutor(context, "signalman-test/absent:latest"),
});

function createExecutor(context: Parameters<typeof createDockerExecutor>[0], image: string) {
  const options = v.parse(config, { "pull-policy": "never" });
  const container = { name: "main", image, command: "", entrypoint: "", user: "", env: [], files: [] };
  const job = jobRequest({ ...context.job, executor: "dockercompose", containers: [container] });
  const environment = { ...context.environment, DOCKER_HOST: engine.host };
  return createDockerExecutor({ ...context, job, environment }, options);
}
