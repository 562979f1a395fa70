// Measures jobs in containers against the way of Semaphore's agent, `docker-compose run` twice and `down`:
// `npm run build && bun bench/docker.ts`. Both run alternately on one engine. Needs Debian's docker-compose.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "../e2e/support/engine/engine.ts";
import { images } from "../e2e/support/engine/images.ts";
import { median, ms, row } from "./figures.ts";

const rounds = 5;
const binary = process.env["SIGNALMAN_BINARY"] ?? join(import.meta.dir, "../dist/signalman");
const home = mkdtempSync(join(tmpdir(), "signalman-bench-"));
await using engine = await openEngine();
const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home, DOCKER_HOST: engine.host };

interface Times {
  readonly firstOutputMs: number;
  readonly cleanUpMs: number;
}

const ours: Times[] = [];
const theirs: Times[] = [];
const job = write("job.json", JSON.stringify(toJob(["echo it is here"])));
const compose = write("docker-compose.yml", toComposeFile());
for (let round = 0; round < rounds; round += 1) {
  ours.push(await runOurs());
  theirs.push(await runTheirs());
}
compareTimes("from the start to the first output of a command", ({ firstOutputMs }) => firstOutputMs);
compareTimes("from the last output to nothing left", ({ cleanUpMs }) => cleanUpMs);

const floodBytes = 100e6;
const flood = `head -c ${floodBytes} /dev/zero | tr '\\0' x | fold -w 79`;
const attached: number[] = [];
const logged: number[] = [];
for (let round = 0; round < 3; round += 1) {
  attached.push(await rateOfAttach());
  logged.push(await rateOfJob());
}
const ratio = (100 * median(logged)) / median(attached);
row("100 MB of output, bare attach", `${median(attached).toFixed(0)} MB/s`);
row("100 MB of output, through a job", `${median(logged).toFixed(0)} MB/s = ${ratio.toFixed(0)} % (≥ 50 %)`);
rmSync(home, { recursive: true });

function compareTimes(what: string, pick: (times: Times) => number): void {
  const [mine, other] = [median(ours.map(pick)), median(theirs.map(pick))];
  row(what, `${ms(mine)}, docker-compose ${ms(other)}: ${(mine / other).toFixed(2)} × (≤ 0.5 ×)`);
}

async function runOurs(): Promise<Times> {
  const startedAt = performance.now();
  const child = Bun.spawn([binary, "run", job, "--json"], { env, stdout: "pipe", stderr: "inherit" });
  const seenAt = await waitFor(child.stdout, '"output":"it is here');
  await child.exited;
  return { firstOutputMs: seenAt - startedAt, cleanUpMs: performance.now() - seenAt };
}

/** As the reference does it (protocol section 6.3): a first run pulls, a second one is the session. */
async function runTheirs(): Promise<Times> {
  const words = ["docker-compose", "--ansi", "never", "-f", compose];
  const startedAt = performance.now();
  await Bun.spawn([...words, "run", "--rm", "main", "true"], { env, stdio: ["ignore", "ignore", "ignore"] })
    .exited;
  const decoder = new TextDecoder();
  const seen = Promise.withResolvers<number>();
  let said = "";
  const child = Bun.spawn([...words, "run", "--rm", "--name", "main", "main", "bash"], {
    env,
    terminal: {
      data(_, bytes) {
        said += decoder.decode(bytes, { stream: true });
        if (said.includes("it is here")) seen.resolve(performance.now());
      },
    },
  });
  child.terminal!.write("echo it is he''re\n");
  const seenAt = await seen.promise;
  child.terminal!.write("exit\n");
  await child.exited;
  await Bun.spawn([...words, "down", "--remove-orphans"], { env, stdio: ["ignore", "ignore", "ignore"] })
    .exited;
  return { firstOutputMs: seenAt - startedAt, cleanUpMs: performance.now() - seenAt };
}

/** MB/s from the first byte to the last. */
async function rateOfJob(): Promise<number> {
  const kept = join(home, "events.ndjson");
  rmSync(kept, { force: true });
  const file = write("flood.json", JSON.stringify(toJob(["echo it is here", flood])));
  const child = Bun.spawn([binary, "run", file, "--json", "--keep", kept], { env, stdout: "pipe" });
  let startedAt = 0;
  let endedAt = 0;
  let bytes = 0;
  for await (const chunk of child.stdout) {
    startedAt ||= performance.now();
    bytes += chunk.length;
    if (bytes < floodBytes * 0.1) startedAt = performance.now();
    if (bytes < floodBytes) endedAt = performance.now();
  }
  await child.exited;
  return (floodBytes * 0.9) / 1e3 / (endedAt - startedAt);
}

async function rateOfAttach(): Promise<number> {
  const { default: Docker } = await import("dockerode");
  const container = await new Docker({ socketPath: engine.socket }).createContainer({
    Image: images.debian,
    Tty: true,
    Cmd: ["sh", "-c", flood],
    HostConfig: { NetworkMode: "none", LogConfig: { Type: "none", Config: {} } },
  });
  const stream = await container.attach({ stream: true, hijack: true, stdout: true, stderr: true });
  let startedAt = 0;
  let bytes = 0;
  const ended = Promise.withResolvers<void>();
  stream.on("data", (chunk: Buffer) => {
    if (bytes < floodBytes * 0.1) startedAt = performance.now();
    bytes += chunk.length;
  });
  stream.on("end", () => ended.resolve());
  await container.start();
  await ended.promise;
  const rate = (bytes * 0.9) / 1e3 / (performance.now() - startedAt);
  await container.remove({ force: true, v: true });
  return rate;
}

async function waitFor(stream: ReadableStream<Uint8Array>, text: string): Promise<number> {
  const decoder = new TextDecoder();
  let said = "";
  let seenAt: number | undefined;
  for await (const bytes of stream) {
    said += decoder.decode(bytes, { stream: true });
    if (said.includes(text)) seenAt ??= performance.now();
  }
  if (seenAt === undefined) throw new Error(`"${text}" never came: ${said.slice(-2000)}`);
  return seenAt;
}

function toJob(commands: readonly string[]) {
  const containers = [
    { name: "main", image: images.debian },
    { name: "service", image: images.busybox, command: "sleep 1000" },
  ];
  return { executor: "dockercompose", commands, compose: { containers } };
}

function toComposeFile(): string {
  return [
    'version: "2.0"',
    "services:",
    "  main:",
    `    image: ${images.debian}`,
    "    links: [service]",
    "  service:",
    `    image: ${images.busybox}`,
    "    command: sleep 1000",
    "",
  ].join("\n");
}

function write(name: string, text: string): string {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
}
