import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  chmodSync,
} from "node:fs";
import { join } from "node:path";
import { createRecordingLogger } from "signalman/testing";
import { createRepository } from "./testing/repository.ts";
import { startHttpOrigin } from "./testing/http-server.ts";
import { createMirrorScene, pathsOf } from "./testing/scene.ts";
import type { MirrorPaths } from "./store/layout.ts";
import { listMirrors } from "./store/space.ts";
import { tendMirrors } from "./store/upkeep.ts";

async function createScene() {
  const scene = await createMirrorScene();
  const repository = await createRepository(scene.directory);
  const origin = startHttpOrigin({ root: scene.directory });
  const url = `${origin.url}/app.git`;
  const clone = async (size?: string): Promise<string> => {
    await using job = await scene.job({ url, ...(size !== undefined && { size }) });
    const { status, output } = await job.run(`git clone -q -b main ${url} app && git -C app fsck --full`);
    expect([status, output]).toEqual([0, expect.anything()]);
    return job.finish();
  };
  return {
    ...scene,
    repository,
    origin,
    url,
    clone,
    paths: pathsOf(scene, url),
    async [Symbol.asyncDispose]() {
      await origin[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

const packs = ({ repository }: MirrorPaths): string[] => {
  const directory = join(repository, "objects", "pack");
  return readdirSync(directory).map((name) => join(directory, name));
};

const overwrite = (path: string, at: number, bytes: Buffer): void => {
  const content = readFileSync(path);
  bytes.copy(content, at);
  chmodSync(path, 0o600);
  writeFileSync(path, content);
};

/** Faults of a mirror, as disks, kills and people make them. */
const faults: Readonly<Record<string, (paths: MirrorPaths) => void>> = {
  "bits of its packs are flipped": (paths) => {
    for (const path of packs(paths).filter((name) => name.endsWith(".pack")))
      overwrite(path, Math.floor(statSync(path).size / 2), Buffer.from([0xff, 0x55, 0xaa, 0x00]));
  },
  "its packs are cut": (paths) => {
    for (const path of packs(paths).filter((name) => name.endsWith(".pack"))) {
      chmodSync(path, 0o600);
      truncateSync(path, Math.floor(statSync(path).size / 2));
    }
  },
  "its packs are missing": (paths) => packs(paths).forEach((path) => rmSync(path)),
  "its references are garbage": ({ repository }) =>
    writeFileSync(join(repository, "packed-refs"), "garbage\n"),
  "its references name missing objects": ({ repository }) => {
    const object = "1".repeat(40);
    writeFileSync(
      join(repository, "packed-refs"),
      `# pack-refs with: peeled fully-peeled sorted \n${object} refs/heads/${object}\n`,
    );
  },
  "its HEAD is missing": ({ repository }) => rmSync(join(repository, "HEAD")),
  "its configuration is garbage": ({ repository }) => writeFileSync(join(repository, "config"), "[core\n"),
  "it is an empty directory": ({ repository }) => {
    rmSync(repository, { recursive: true });
  },
  "its repository is a file": ({ repository }) => {
    rmSync(repository, { recursive: true });
    writeFileSync(repository, "");
  },
  "a git was killed in it": ({ repository, answers }) => {
    mkdirSync(answers);
    for (const name of [
      "packed-refs.lock",
      "packed-refs.new",
      "objects/pack/tmp_pack_x",
      "../answers/new-x",
      "shallow.lock",
      "config.lock",
    ])
      writeFileSync(join(repository, name), "half");
  },
};

describe("a mirror is used or repaired, and the job has its clone, when", () => {
  test.each(Object.keys(faults))("%s", async (name) => {
    await using scene = await createScene();
    await scene.clone();
    rmSync(scene.paths.answers, { recursive: true });
    await scene.repository.commit("main", { "second.txt": "second\n" });
    faults[name]!(scene.paths);
    const shown = await scene.clone();
    expect(shown).toMatch(/^(updated in|cloned from the origin: )/);
    // What the agent does when no job runs.
    const logger = createRecordingLogger();
    await tendMirrors(scene.root, 2 ** 30, logger, new AbortController().signal);
    await scene.clone();
    expect(await scene.clone()).toStartWith("hit");
    expect(readdirSync(scene.paths.answers).filter((file) => file.startsWith("new-"))).toEqual([]);
  });

  test("a ready answer has changed", async () => {
    await using scene = await createScene();
    await scene.clone();
    const [name] = readdirSync(scene.paths.answers);
    overwrite(join(scene.paths.answers, name!), 40, Buffer.from("garbage"));
    expect(await scene.clone()).toStartWith("hit");
    expect(readdirSync(scene.paths.answers)).toHaveLength(1);
  });

  test("the origin fails for the mirror only", async () => {
    await using scene = await createScene();
    await scene.clone();
    await scene.repository.commit("main", { "second.txt": "second\n" });
    let posts = 0;
    scene.origin.fault = (path) =>
      path.endsWith("/git-upload-pack") && ++posts === 2 ? new Response("busy", { status: 503 }) : undefined;
    expect(await scene.clone()).toMatch(/^cloned from the origin: its fetch failed: /);
    expect(await scene.clone()).toStartWith("updated");
  });
});

describe("the size", () => {
  test("makes the mirror go that was used least recently", async () => {
    await using scene = await createScene();
    const big = { "big.bin": Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("hex") };
    await scene.repository.commit("main", big);
    await scene.clone();
    const other = await createRepository(scene.directory, "other.git");
    await other.commit("main", {
      "big.bin": Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("hex"),
    });
    const url = `${scene.origin.url}/other.git`;
    {
      await using job = await scene.job({ url, size: "180KiB" });
      await job.run(`git clone -q ${url} app`);
      expect(await job.finish()).toStartWith("updated");
    }
    expect((await listMirrors(scene.root)).map((mirror) => mirror.url)).toEqual([url]);
  });

  test("of one repository is too large: it is cloned, and not fetched again", async () => {
    await using scene = await createScene();
    const random = Buffer.from(crypto.getRandomValues(new Uint8Array(100_000))).toString("hex");
    await scene.repository.commit("main", { "big.bin": random });
    for (const _ of [1, 2])
      expect(await scene.clone("50KiB")).toBe(
        "cloned from the origin: the repository is larger than git-mirrors-size\n",
      );
    expect(existsSync(scene.paths.repository)).toBe(false);
  });
});
