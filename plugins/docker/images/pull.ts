import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, type ExecutorContext, type Output, type RegistryLogin, toSize } from "signalman";
import { createBoundedLineReader } from "signalman/executor";
import type { DockerConfig } from "../config.ts";
import type { Engine } from "../engine/engine.ts";
import { statusOf } from "../engine/errors.ts";
import { type RegistryFailure, toPullFailure } from "./failure.ts";
import {
  createPullProgress,
  type PullEvent,
  type PullProgress,
  summarizePulls,
  toMegabytes,
} from "./progress.ts";
import { lockPull } from "./pull-lock.ts";
import { isReference, parseReference, toRegistry } from "./reference.ts";

export interface PullOptions extends Pick<ExecutorContext, "imagePulled" | "showProgress"> {
  readonly engine: Engine;
  readonly images: readonly string[];
  readonly logins: readonly RegistryLogin[];
  readonly options: Pick<DockerConfig, "pull-policy" | "pull-attempts" | "pull-timeout" | "platform">;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/**
 * Pulls the images that the engine does not have. Resolves to `false` when one is missing and the output
 * shows why. Rejects when `signal` aborts.
 */
export async function pullImages(options: PullOptions): Promise<boolean> {
  const images = [...new Set(options.images)];
  const pulls: Pulls = new Map();
  using _shown = options.showProgress(() => summarizePulls([...pulls.values()]));
  const context = { ...options, pulls };
  const done = await Promise.all(images.map((image) => provideImage(image, context)));
  return done.every((isPresent) => isPresent);
}

/**
 * Whether an image's platform (`linux/amd64`) matches the configured one (`linux/arm64/v8`, `arm64`).
 * Variants are not compared.
 */
export function matchesPlatform(platform: string | undefined, wanted: string | undefined): boolean {
  if (platform === undefined || wanted === undefined) return platform !== undefined;
  const [os, architecture] = platform.split("/");
  const words = wanted.toLowerCase().split("/");
  if (words.length === 1) return [os, architecture].includes(toArchitecture(words[0]!));
  return words[0] === os && toArchitecture(words[1]!) === architecture;
}

/** The last attempt for each image that is or was pulled. */
type Pulls = Map<string, PullProgress>;
type PullContext = PullOptions & { readonly pulls: Pulls };

async function provideImage(image: string, context: PullContext): Promise<boolean> {
  const { engine, options, output, signal } = context;
  if (!isReference(image)) {
    output(`Image name "${image}" is invalid (expected [registry/]name[:tag][@digest])\n`);
    return false;
  }
  const policy = options["pull-policy"];
  const isPresent = async () =>
    policy !== "always" && matchesPlatform(await findPlatform(engine, image), options.platform);
  if (await isPresent()) {
    output(`Image ${image} is present\n`);
    return true;
  }
  if (policy === "never") {
    const wanted = options.platform === undefined ? "" : ` for platform ${options.platform}`;
    output(
      `Image "${image}" is not present${wanted}, and the agent never pulls images (docker-pull-policy)\n`,
    );
    return false;
  }
  const onWait = () => output(`Waiting for another job that pulls ${image}\n`);
  using _lock = await lockPull({ engine: engine.endpoint.host, image, onWait }, signal);
  if (await isPresent()) {
    output(`Image ${image} is present\n`);
    return true;
  }
  // Awaited, because the lock is released when this function returns.
  return await pullImage(image, context);
}

/**
 * Resolves to the image's platform, as `linux/amd64`; `undefined` when the engine does not have the image.
 */
async function findPlatform({ docker, call }: Engine, image: string): Promise<string | undefined> {
  try {
    const { Os, Architecture } = await call(`inspect image "${image}"`, docker.getImage(image).inspect());
    return `${Os}/${Architecture}`;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Pulls an image with retries, and reports the result to plugins. */
async function pullImage(image: string, context: PullContext): Promise<boolean> {
  const { output, options, signal } = context;
  const startedAt = performance.now();
  const attempts = options["pull-attempts"];
  let failure: RegistryFailure | undefined;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    output(`Pulling ${image}${attempt > 1 ? ` (attempt ${attempt} of ${attempts})` : ""}\n`);
    failure = await attemptPull(image, context);
    if (failure === undefined) break;
    signal.throwIfAborted();
    output(`${failure.line}\n`);
    if (failure.kind !== "unreachable" || attempt === attempts) break;
    await sleep(pauseMs * attempt, undefined, { signal });
  }
  const durationMs = performance.now() - startedAt;
  await context.imagePulled({ image, durationMs, isOk: failure === undefined });
  return failure === undefined;
}

async function attemptPull(image: string, context: PullContext): Promise<RegistryFailure | undefined> {
  const { engine, logins, options, output, pulls, signal } = context;
  const { registry, pullName } = parseReference(image);
  const login = logins.findLast(({ server }) => toRegistry(server) === registry);
  const timeout = AbortSignal.timeout(options["pull-timeout"] * 1000);
  const progress = createPullProgress();
  pulls.set(image, progress);
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const summary = progress.summary();
    if (summary !== undefined) output(`${image}: ${summary}\n`);
  }, progressMs);
  try {
    const stream = (await engine.docker.pull(pullName, {
      ...(options.platform !== undefined && { platform: options.platform }),
      ...(login && {
        authconfig: { username: login.username, password: login.password, serveraddress: login.server },
      }),
      abortSignal: AbortSignal.any([signal, timeout]),
    })) as NodeJS.ReadableStream;
    await readPull(stream, progress);
    const platform = await findPlatform(engine, image);
    if (!matchesPlatform(platform, options.platform)) {
      const line = `Image "${image}" is for platform ${platform} (expected ${options.platform}, see docker-platform)`;
      return { kind: "absent", line };
    }
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    output(`Pulled ${image} in ${seconds} s (${toMegabytes(progress.downloadedBytes)} MB)\n`);
    return undefined;
  } catch (error) {
    if (!timeout.aborted) return toPullFailure(error, image, login !== undefined);
    const line = `Pull of image "${image}" took more than ${options["pull-timeout"]} s (docker-pull-timeout)`;
    return { kind: "unreachable", line };
  } finally {
    clearInterval(timer);
  }
}

/** Milliseconds between two progress lines of a pull. */
const progressMs = 5000;
/** Pause before the second attempt; it is multiplied by the number of failed attempts. */
const pauseMs = 2000;

const maxEventBytes = 1024 * 1024;

/** Resolves when the pull is complete; rejects with the engine's error. */
async function readPull(stream: NodeJS.ReadableStream, progress: PullProgress): Promise<void> {
  let isComplete = false;
  const push = createBoundedLineReader({
    maxBytes: maxEventBytes,
    onLine(line) {
      if (line.trim() === "") return;
      const event = JSON.parse(line) as PullEvent;
      if (event.error !== undefined) throw new AgentError("DOCKER_FAILED", event.error);
      if (event.status?.startsWith("Status: ")) isComplete = true;
      progress.add(event);
    },
    onTooLong() {
      const title = `the engine sent a line of more than ${toSize(maxEventBytes)} about a pull`;
      throw new AgentError("DOCKER_FAILED", title);
    },
  });
  // An error ends the loop, which destroys the stream.
  for await (const chunk of stream) push(chunk as Uint8Array);
  if (!isComplete)
    throw new AgentError("DOCKER_FAILED", "the engine closed the connection before the pull was complete");
}

/** Replaces the aliases of architectures that engines accept. */
function toArchitecture(architecture: string): string {
  const names: Readonly<Record<string, string>> = { aarch64: "arm64", x86_64: "amd64", "x86-64": "amd64" };
  return names[architecture] ?? architecture;
}
