import { expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { createPacketReader } from "./protocol/packets.ts";
import { openFirstAnswer } from "./store/first-answer.ts";
import { toMirrorPaths } from "./store/layout.ts";
import { estimateTransfer, notePace } from "./store/pace.ts";
import { prepare } from "./store/update.ts";
import { createRepository, run } from "./testing/repository.ts";
import { type HttpOrigin, startHttpOrigin } from "./testing/http-server.ts";
import { createMirrorScene, pathsOf } from "./testing/scene.ts";
import { takeSnapshot } from "./testing/snapshot.ts";

const packBytes = 100_000;
const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const noise = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("hex");

/** A history of sixty commits, whose first and last have large files. */
async function createScene() {
  const scene = await createMirrorScene();
  const repository = await createRepository(scene.directory);
  await repository.commit("main", { "old.bin": noise() });
  repository.git("tag", "-m", "old", "v1");
  await repository.commit("main", { "old.bin": "small" });
  for (let at = 0; at < 60; at++) repository.git("commit", "-q", "--allow-empty", "-m", `${at}`);
  await repository.commit("main", { "new.bin": noise(), "more.bin": noise() });
  repository.git("tag", "-m", "new", "v2");
  repository.git("push", "-q", "origin", "--tags");
  const origin = startHttpOrigin({ root: scene.directory });
  const url = `${origin.url}/app.git`;
  const paths = pathsOf(scene, url);
  const clone = async (options: string, untilDone = async () => {}) => {
    await using job = await scene.job({ url });
    const { status } = await job.run(`git clone -q ${options} -b main ${url} app`);
    await untilDone();
    return { status, report: await job.finish(), snapshot: await takeSnapshot(job, "app") };
  };
  const plain = async (options: string): Promise<string> => {
    const job = await scene.plain({ url });
    await job.run(`git clone -q ${options} -b main ${url} app`);
    return takeSnapshot(job, "app");
  };
  return {
    ...scene,
    repository,
    origin,
    url,
    paths,
    clone,
    plain,
    /** The bytes of the large answers so far, each. */
    packs: () => origin.requests.flatMap(({ bytes }) => (bytes > packBytes / 2 ? [bytes] : [])),
    async complete(): Promise<void> {
      while (existsSync(join(paths.repository, "shallow")) || !existsSync(paths.used)) await Bun.sleep(20);
    },
    async [Symbol.asyncDispose]() {
      await origin[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

test("the first shallow clone fills the mirror, which then fetches only the older history", async () => {
  await using scene = await createScene();
  const expected = [await scene.plain("--depth 50"), await scene.plain("")];
  const before = scene.packs().length;
  const first = await scene.clone("--depth 50", scene.complete);
  expect(first.report).toMatch(/^updated in \d+\.\d s: /);
  expect(first.snapshot).toBe(expected[0]!);
  const [recent, older, ...others] = scene.packs().slice(before);
  expect(others).toEqual([]);
  expect(older).toBeLessThan(recent! * 0.8);
  const whole = await scene.clone("");
  expect(whole.report).toMatch(/^hit: \S+ KiB served, 0 bytes fetched from the origin\n$/);
  expect(whole.snapshot).toBe(expected[1]!);
  expect(scene.packs().length).toBe(before + 2);
});

test("a mirror without the older history is completed by the next job that needs it", async () => {
  await using scene = await createScene();
  const expected = await scene.plain("");
  let posts = 0;
  // The references and the pack are for the job, the rest is for the mirror.
  scene.origin.fault = (path) =>
    path.endsWith("/git-upload-pack") && ++posts > 2 ? new Response("busy", { status: 503 }) : undefined;
  expect((await scene.clone("--depth 50")).status).toBe(0);
  expect(existsSync(join(scene.paths.repository, "shallow"))).toBe(true);
  scene.origin.fault = undefined;
  const { report, snapshot } = await scene.clone("");
  expect(report).toStartWith("updated");
  expect(snapshot).toBe(expected);
  expect(existsSync(join(scene.paths.repository, "shallow"))).toBe(false);
});

/** The next answers with a pack are cut off. */
const cutNext = (origin: HttpOrigin, count: number): void => {
  let rest = count;
  origin.cut = (_, bytes) => (bytes > packBytes && rest-- > 0 ? "end" : undefined);
};

test("a first clone whose answer is cut off goes on with a second answer", async () => {
  await using scene = await createScene();
  // Servers keep repositories packed. Otherwise git makes a new pack for each answer, and no two need be the same.
  run(["repack", "-adq"], scene.repository.path);
  const expected = await scene.plain("");
  cutNext(scene.origin, 1);
  const { status, snapshot, report } = await scene.clone("");
  expect([status, report]).toEqual([0, expect.stringMatching(/^updated/)]);
  expect(snapshot).toBe(expected);
  expect((await scene.clone("")).report).toMatch(/^hit/);
});

test("a first clone fails when a second answer is cut off, too, and leaves nothing", async () => {
  await using scene = await createScene();
  cutNext(scene.origin, 2);
  const { status, report } = await scene.clone("");
  expect([status, report]).toEqual([128, expect.stringMatching(/^clone failed: .*; "checkout" and .*\n$/)]);
  const left = readdirSync(join(scene.paths.repository, "objects", "pack"));
  expect([left, readdirSync(scene.paths.answers)]).toEqual([[], []]);
  expect(await scene.clone("")).toMatchObject({ status: 0, report: expect.stringMatching(/^updated/) });
});

test("a first clone that fails is repeated, as `checkout` does, and fills the mirror", async () => {
  await using scene = await createScene();
  const expected = await scene.plain("");
  cutNext(scene.origin, 2);
  await using job = await scene.job({ url: scene.url });
  const { status, output } = await job.run(
    `for n in 1 2 3; do git clone -q -b main ${scene.url} app && break; echo failed; done`,
  );
  expect([status, output.split("failed\n").length]).toEqual([0, 2]);
  expect(await takeSnapshot(job, "app")).toBe(expected);
  expect(await job.finish()).toMatch(/^updated in .*\nclone failed: .*; "checkout" and .*\n$/);
  expect((await scene.clone("")).report).toMatch(/^hit/);
});

test("a first clone that is killed does not end what fills the mirror", async () => {
  await using scene = await createScene();
  const before = scene.packs().length;
  {
    await using job = await scene.job({ url: scene.url });
    const { promise, resolve } = Promise.withResolvers<void>();
    scene.origin.cut = (_, bytes) => (bytes > packBytes ? void resolve() : undefined);
    const clone = job.run(`git clone -q ${scene.url} app & echo $! >pid; wait $!`);
    await promise;
    await job.run(`kill -9 $(cat pid)`);
    await clone;
    while (!existsSync(scene.paths.used)) await Bun.sleep(20);
  }
  expect((await scene.clone("-q")).report).toMatch(/^hit/);
  expect(scene.packs().length).toBe(before + 1);
});

test("a hit reports the seconds that the origin would have taken longer, when it has sent a large pack", async () => {
  await using scene = await createScene();
  expect((await scene.clone("")).report).toEndWith(" fetched from the origin\n");
  expect(existsSync(scene.paths.pace)).toBe(false);
  await notePace(scene.paths, { bytes: 2 ** 20, ms: 40_000_000 });
  const { report } = await scene.clone("");
  const [, saved] = /^hit: .*, about (\d+) s saved\n$/.exec(report) ?? [];
  expect(Number(saved)).toBeWithin(1000, 40_000);
});

test("the rate of an origin is that of a large transfer, and tells nothing of a much larger one", async () => {
  await using tmp = await tmpdir();
  const paths = { pace: join(tmp.path, "pace") };
  const estimate = (bytes: number) => estimateTransfer(paths, bytes);
  await notePace(paths, { bytes: 1000, ms: 5000 });
  expect(await estimate(1000)).toBeUndefined();
  await notePace(paths, { bytes: 10e6, ms: 1000 });
  await notePace(paths, { bytes: 2e6, ms: 900 });
  expect([await estimate(5e6), await estimate(20e6), await estimate(50e6)]).toEqual([500, 2000, undefined]);
  await notePace(paths, { bytes: 8e6, ms: 1600 });
  expect(await estimate(4e6)).toBe(800);
  writeFileSync(paths.pace, "0 0\n");
  expect(await estimate(4e6)).toBeUndefined();
});

test.each([
  ["before the pack: the client has the rest without the mirror", "", "it was silent for 0.05 s"],
  ["in the pack: the clone fails", line("\x01PACK"), "it was silent for 0.05 s in the middle of its answer"],
])("an origin is silent %s", async (_, start, reason) => {
  await using tmp = await tmpdir();
  const paths = toMirrorPaths(tmp.path, "http://localhost/app.git");
  await prepare(paths, "http://localhost/app.git");
  const { promise: released, resolve: release } = Promise.withResolvers<string | undefined>();
  const later = Promise.withResolvers<void>();
  await using first = await openFirstAnswer(paths, {
    size: 1000,
    signal: new AbortController().signal,
    keep: async () => {},
    outgrown: async () => {},
    release,
    silenceMs: 50,
  });
  const source = (async function* () {
    yield Buffer.from(line("packfile\n") + start);
    await later.promise;
    yield Buffer.from("0000");
  })();
  const reasons: string[] = [];
  const note = (text: string) => void reasons.push(text);
  const observer = { arrived: () => {}, passed: note, failed: note };
  const client = (async () => {
    let text = "";
    for await (const piece of first.take(createPacketReader(source), observer)) text += piece.toString();
    return text;
  })().catch((error: Error) => error.message);
  expect(await released).toBe(reason);
  later.resolve();
  expect(reasons).toEqual([reason]);
  expect(await client).toBe(start === "" ? `${line("packfile\n")}0000` : reason);
  expect(readdirSync(paths.answers)).toEqual([]);
});
