// Compares clones of depth 50 with a git mirror and without it, from an origin that is 200 ms away, at 20 MB/s, at
// 2 MB/s and on loopback: `bun bench/mirrors.ts [megabytes] [network…]`, as `1000 "20 MB/s" loopback`.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeAll } from "../plugins/git-mirrors/job/byte-source.ts";
import { startHttpOrigin } from "../plugins/git-mirrors/testing/http-server.ts";
import { createRepository } from "../plugins/git-mirrors/testing/repository.ts";
import { createMirrorScene } from "../plugins/git-mirrors/testing/scene.ts";
import { ms, row } from "./figures.ts";

interface Network {
  readonly name: string;
  /** Milliseconds of a way and back. */
  readonly delayMs: number;
  /** Bytes per second. */
  readonly rate: number;
}

const networks: readonly Network[] = [
  { name: "200 ms, 20 MB/s", delayMs: 200, rate: 20e6 },
  { name: "200 ms, 2 MB/s", delayMs: 200, rate: 2e6 },
  { name: "loopback", delayMs: 0, rate: Infinity },
];
const megabytes = Number(process.argv[2] ?? 100);

/** What every clone does with its pack, wherever it comes from: the index of its objects, and the files. */
const unpack = `git init -q --bare own && git -C own index-pack --stdin <$(echo app/.git/objects/pack/*.pack) >/dev/null &&
  mkdir tree && git --git-dir=app/.git --work-tree=tree checkout -q -f main -- . && rm -rf own tree`;

if (process.argv[2] === "serve") {
  console.log(startHttpOrigin({ root: process.argv[3]! }).url);
} else await measureAll();

async function measureAll(): Promise<void> {
  await using scene = await createMirrorScene();
  const repository = await createRepository(scene.directory);
  // The files are noise: git would try in vain to make them smaller.
  for (const name of ["core.compression", "pack.window"]) repository.git("config", name, "0");
  for (let commit = 0; commit < 10; commit++) {
    for (let file = 0; file < 10; file++) {
      const bytes = crypto.getRandomValues(Buffer.alloc(Math.min(65_536, megabytes * 10_000)));
      const parts = Array.from({ length: Math.ceil((megabytes * 10_000) / bytes.length) }, (_, at) => {
        bytes.writeUInt32LE(at);
        bytes.reverse();
        return Buffer.from(bytes);
      });
      writeFileSync(join(scene.directory, "app.git-work", `${commit}-${file}.bin`), Buffer.concat(parts));
    }
    await repository.commit("main", { "commit.txt": `${commit}` });
  }
  repository.git("-C", repository.path, "repack", "-adq", "--window=0");
  const origin = Bun.spawn([process.execPath, import.meta.filename, "serve", scene.directory], {
    stdout: "pipe",
  });
  try {
    const { value } = await origin.stdout.getReader().read();
    const target = Number(new URL(new TextDecoder().decode(value).trim()).port);
    const chosen = process.argv.slice(3);
    for (const network of networks)
      if (chosen.length === 0 || chosen.some((name) => network.name.includes(name)))
        await measure(network, target, scene);
  } finally {
    origin.kill();
  }
}

async function measure(
  network: Network,
  target: number,
  scene: Awaited<ReturnType<typeof createMirrorScene>>,
): Promise<void> {
  await using line = await openLine(target, network);
  const url = `http://127.0.0.1:${line.port}/app.git`;
  const clone = `git clone -q --depth 50 -b main ${url} app`;
  const time = async (
    name: string,
    job: { run(command: string): Promise<{ status: number; output: string }> },
  ) => {
    const [startedAt, before] = [performance.now(), line.bytes()];
    const { status, output } = await job.run(clone);
    if (status !== 0) throw new Error(output);
    const took = performance.now() - startedAt;
    row(
      `${network.name}: ${name}`,
      `${ms(took)}, ${((line.bytes() - before) / 1e6).toFixed(2)} MB from the origin`,
    );
    return took;
  };
  const job = await scene.plain({ url });
  const plain = await time("without a mirror", job);
  const startedAt = performance.now();
  const { status, output } = await job.run(unpack);
  if (status !== 0) throw new Error(output);
  const own = performance.now() - startedAt;
  await using first = await scene.job({ url });
  const cold = await time("the first job", first);
  await using second = await scene.job({ url });
  const warm = await time("the second job", second);
  row(`${network.name}: first job / without`, `${(cold / plain).toFixed(2)} ×`);
  row(`${network.name}: second job / without`, `${(warm / plain).toFixed(2)} ×`);
  row(
    `${network.name}: git's own unpacking`,
    `${ms(own)}, ${((100 * own) / warm).toFixed(0)} % of the second job`,
  );
}

async function deliver(
  before: Promise<unknown>,
  to: Socket,
  piece: Buffer,
  arrivesAt: number,
): Promise<void> {
  await before;
  const wait = arrivesAt - performance.now();
  if (wait > 0) await sleep(wait);
  await writeAll(to, piece);
}

/** A connection to a port that takes its time. */
async function openLine(target: number, { delayMs, rate }: Network) {
  let bytes = 0;
  /** When the line is free again. */
  let freeAt = 0;
  const forward = async (from: Socket, to: Socket, isAnswer: boolean): Promise<void> => {
    let sent: Promise<unknown> = Promise.resolve();
    for await (const piece of from as AsyncIterable<Buffer>) {
      if (isAnswer) bytes += piece.length;
      freeAt =
        Math.max(freeAt, performance.now()) +
        (isAnswer && rate < Infinity ? (piece.length / rate) * 1000 : 0);
      const arrivesAt = freeAt + delayMs / 2;
      sent = deliver(sent, to, piece, arrivesAt);
      // What is under way is bounded.
      if (freeAt - performance.now() > 50) await sleep(freeAt - performance.now());
      if (rate === Infinity) await sent;
    }
    await sent;
    to.end();
  };
  const server = createServer((client) => {
    const inner = connect(target, "127.0.0.1");
    for (const socket of [client, inner]) socket.on("error", () => socket.destroy());
    void Promise.allSettled([forward(client, inner, false), forward(inner, client, true)]);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => bytes,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}
