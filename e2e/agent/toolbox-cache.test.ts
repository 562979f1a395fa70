import { beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createScene, type Scene } from "../support/agents.ts";
import { outline } from "../support/jobs.ts";

// The program that jobs of Semaphore call, built with Go from a checkout of its repository.
const checkout = process.env["TOOLBOX_DIR"] ?? "";
const needsToolbox = checkout === "" ? " (skipped: TOOLBOX_DIR names no checkout of the toolbox)" : "";
const bin = checkout === "" ? "" : mkdtempSync(path.join(tmpdir(), "signalman-toolbox-"));

beforeAll(async () => {
  if (checkout === "") return;
  const build = ["go", "build", "-o", path.join(bin, "cache"), "."];
  const { exitCode, stderr } = Bun.spawnSync(build, { cwd: path.join(checkout, "cache-cli") });
  if (exitCode !== 0) throw new Error(stderr.toString());
}, 1_200_000);

async function run(scene: Scene, commands: readonly string[], env = {}): Promise<string> {
  const id = await scene.hub.submit({ commands: [`export PATH=${bin}:$PATH`, ...commands], env });
  expect((await scene.hub.done(id)).result).toBe("passed");
  return outline(await scene.hub.log(id)).join("\n");
}

test.skipIf(checkout === "")(
  `the toolbox's cache stores, restores, lists and deletes${needsToolbox}`,
  async () => {
    await using scene = await createScene();
    await scene.readyAgent(["--cache-size", "256MiB"]);
    const first = await run(scene, [
      "mkdir modules; head -c 30000000 /dev/urandom > modules/large; echo one > modules/small",
      "cache restore node-a,node",
      "cache store node-a modules",
      "cache has_key node-a",
      "sha256sum modules/* > sums; rm -r modules",
    ]);
    expect(first).toContain("MISS");
    expect(first).toContain("Upload complete");
    const second = await run(scene, [
      "cache restore node-b,node",
      "sha256sum -c sums",
      "cache list; cache usage; cache is_not_empty && echo not empty",
      "cache delete node-a; cache has_key node-a || echo gone",
      "cache store x/y modules; cache clear; cache list",
    ]);
    expect(second).toContain("HIT: 'node', using key 'node-a'");
    expect(second).toContain("modules/large: OK\nmodules/small: OK\n");
    expect(second).toMatch(/node-a\s+28\.\d+M/);
    expect(second).toContain("not empty\n");
    expect(second).toContain("gone\n");
    expect(second).toMatch(/\[Cache\] 0: 1 object restored \(28\.\d MiB in \d+\.\d s\)/);
  },
);

test.skipIf(checkout === "")(`it goes on without the right to write${needsToolbox}`, async () => {
  await using scene = await createScene();
  await scene.readyAgent(["--cache-size", "256MiB"]);
  await run(scene, ["mkdir modules; echo one > modules/small; cache store node modules"]);
  const env = { SEMAPHORE_GIT_PR_SLUG: "eve/app", SEMAPHORE_GIT_REPO_SLUG: "acme/app" };
  const log = await run(
    scene,
    ["rm -r modules; cache restore node", "cache store other modules", "echo next"],
    env,
  );
  expect(log).toContain("HIT: 'node'");
  expect(log).toContain("AccessDenied");
  expect(log).toContain("[echo next] 0: next\n");
});
