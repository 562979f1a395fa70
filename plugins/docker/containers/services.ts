import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { Output } from "signalman";
import type { Engine } from "../engine/engine.ts";

/** A container of the job other than the first one. */
export interface Service {
  readonly name: string;
  readonly container: Docker.Container;
  /** Whether the job's log shows its end. */
  isEndLogged?: boolean;
}

/**
 * Waits until all services with a health check are healthy, and writes the result of each to the output. A
 * service that fails or exceeds the time-out does not fail the job. Rejects when `signal` aborts.
 */
export async function waitForServices(
  services: readonly Service[],
  options: { engine: Engine; output: Output; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  await Promise.all(services.map((service) => waitForService(service, options)));
}

async function waitForService(
  service: Service,
  {
    engine,
    output,
    timeoutMs,
    signal,
  }: { engine: Engine; output: Output; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const { name, container } = service;
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted();
    const { State: state } = await engine.call(`inspect container "${name}"`, container.inspect());
    const health = state.Health?.Status;
    if (!state.Running) {
      if (state.ExitCode === 0) return;
      service.isEndLogged = true;
      output(`Container ${name} ended with exit code ${state.ExitCode}. Its last lines:\n`);
      return output(await readLastLines(engine, container));
    }
    if (timeoutMs === 0 || health === undefined || health === "none") return;
    if (health === "healthy") return output(`Container ${name} is healthy after ${seconds()} s\n`);
    if (health === "unhealthy") {
      output(`Container ${name} is unhealthy. Its last lines:\n`);
      return output(await readLastLines(engine, container));
    }
    if (performance.now() - startedAt > timeoutMs) {
      output(
        `Container ${name} is not healthy after ${seconds()} s (docker-service-timeout). Its last lines:\n`,
      );
      return output(await readLastLines(engine, container));
    }
    if (isFirst) output(`Waiting until container ${name} is healthy\n`);
    await sleep(pollMs, undefined, { signal });
  }
}

const pollMs = 200;
const lastLines = 20;
const lastBytes = 8192;

async function readLastLines(engine: Engine, container: Docker.Container): Promise<string> {
  try {
    const bytes = await engine.call(
      "read the log of a container",
      container.logs({ stdout: true, stderr: true, tail: lastLines, follow: false }),
    );
    const text = demultiplex(bytes as unknown as Buffer).slice(-lastBytes);
    return text === "" ? "(none)\n" : text.endsWith("\n") ? text : `${text}\n`;
  } catch {
    return "(the engine has no log of this container)\n";
  }
}

/**
 * Decodes the frames of a container without a terminal: one byte for the stream, three zero bytes, four for
 * the length.
 */
function demultiplex(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString();
}
