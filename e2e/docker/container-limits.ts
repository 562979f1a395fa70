import { expect } from "bun:test";
import * as v from "valibot";
import { config } from "../../plugins/docker/config.ts";
import { createDockerExecutor } from "../../plugins/docker/docker.ts";
import type { ExecutorContext } from "../../src/core/contracts/executor.ts";
import { createRecordingLogger, executorContext, jobRequest, tmpdir } from "../../src/testing/index.ts";
import { testEngine } from "../support/containers.ts";
import { images } from "../support/engine/images.ts";

/** A job's executor with limits, a session in Debian, and perhaps a service. */
export interface LimitedJob {
  readonly limits: ExecutorContext["options"]["limits"];
  readonly commands: readonly string[];
  /** Command of the service "db", which runs in Debian too. */
  readonly service?: string;
  /** Is called while the job's containers run, after its commands. */
  readonly look?: () => Promise<void> | void;
}

/**
 * Runs commands in containers with these limits; gives what each printed, what the job used, and warnings of
 * the agent's log.
 */
export async function runWith({ limits, commands, service, look }: LimitedJob) {
  const engine = await testEngine();
  await using directory = await tmpdir();
  const logger = createRecordingLogger();
  const container = {
    name: "main",
    image: images.debian,
    command: "",
    entrypoint: "",
    user: "",
    env: [],
    files: [],
  };
  const services = service === undefined ? [] : [{ ...container, name: "db", command: service }];
  const context = executorContext(directory.path, {
    job: jobRequest({ executor: "dockercompose", containers: [container, ...services] }),
    options: { stopGraceMs: 1000, terminalSize: { rows: 0, columns: 0 }, limits },
    logger,
  });
  const environment = { ...context.environment, DOCKER_HOST: engine.host };
  const executor = createDockerExecutor({ ...context, environment }, v.parse(config, {}));
  const outputs: { readonly code: number; readonly text: string }[] = [];
  try {
    expect(await executor.start(new AbortController().signal)).toBe(0);
    for (const command of commands) {
      let text = "";
      const code = await executor.run(
        command,
        (chunk) => void (text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString()),
      );
      outputs.push({ code, text });
    }
    await look?.();
  } finally {
    await executor[Symbol.asyncDispose]();
  }
  const warnings = logger.entries.filter(({ level }) => level === "warn").map(({ message }) => message);
  return { outputs, usage: await executor.usage!(), warnings };
}
