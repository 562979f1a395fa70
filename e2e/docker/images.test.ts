import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeEngine, createContainerScene, testEngine } from "../support/containers.ts";
import { images } from "../support/engine/images.ts";
import { type Registry, startRegistry } from "../support/engine/registry.ts";
import type { Tester } from "../support/fixtures.ts";
import { base64, expectNoTrace, jobWith } from "../support/pull-jobs.ts";

let registry: Registry;

beforeAll(async () => {
  await testEngine();
  registry = await startRegistry();
}, 600_000);

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await closeEngine();
});

/** An image that only the registry has, under a name that no other test uses. */
async function pushed(): Promise<string> {
  const { api } = await testEngine();
  return registry.push(api, images.small, `test/${crypto.randomUUID()}:1`);
}

/** Passes requests on to a registry; blobs are sent once they are released. */
function holdBlobs(registryHost: string) {
  const held = Promise.withResolvers<void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      if (pathname.includes("/blobs/")) await held.promise;
      return fetch(`http://${registryHost}${pathname}${search}`, {
        method: request.method,
        headers: request.headers,
      });
    },
  });
  return {
    host: `127.0.0.1:${server.port}`,
    release: held.resolve,
    async [Symbol.asyncDispose]() {
      held.resolve();
      await server.stop(true);
    },
  };
}

/** As `pushed`, with a layer that the engine does not have, and nothing to run. */
async function pushedOwnLayer({ home, write }: Tester): Promise<string> {
  const { api } = await testEngine();
  await write("own", crypto.randomUUID());
  const name = `own-${crypto.randomUUID()}`;
  const body = new Uint8Array(Bun.spawnSync(["tar", "-c", "-C", home, "own"]).stdout);
  const answer = await api.call("POST", `/images/create?fromSrc=-&repo=${name}&tag=1`, { body });
  await answer.text();
  const pushedName = await registry.push(api, `${name}:1`, `test/${name}:1`);
  await api.call("DELETE", `/images/${name}:1`);
  return pushedName;
}

const generic = (password: string) => ({
  DOCKER_CREDENTIAL_TYPE: "GenericDocker",
  DOCKER_USERNAME: registry.user,
  DOCKER_PASSWORD: password,
  DOCKER_URL: registry.host,
});

describe("an image behind a password", () => {
  test("is pulled with the job's credentials, which are shown nowhere and kept nowhere", async () => {
    await using scene = await createContainerScene();
    const image = await pushed();
    const { outline, stdout, exitCode } = await scene.run(jobWith(image, [generic(registry.password)]));
    expect(outline[1]).toBe(
      '[Setting up image pull credentials] 0: Setting up credentials for Docker\ndocker login -u "$DOCKER_USERNAME" -p "$DOCKER_PASSWORD" $DOCKER_URL\nLogin Succeeded\n',
    );
    expect(outline[2]).toMatch(
      /^\[Pulling docker images...\] 0: Pulling \S+\n(\S+: .* layers.*\n)*Pulled \S+ in \d+\.\d s \(\d+\.\d MB\)\n$/,
    );
    expect(outline).toContain("[echo it runs] 0: it runs\n");
    expect(exitCode).toBe(0);
    await expectNoTrace(scene, stdout, registry.password);
    expect(await scene.left()).toEqual([]);
  });

  test("is refused with a wrong password, before anything is pulled", async () => {
    await using scene = await createContainerScene();
    const wrong = `wrong-${crypto.randomUUID()}`;
    const { outline, stdout, exitCode } = await scene.run(jobWith(await pushed(), [generic(wrong)]));
    expect(outline).toHaveLength(3);
    expect(outline[1]).toContain(`Registry "${registry.host}" rejected the credentials: `);
    expect(exitCode).toBe(1);
    await expectNoTrace(scene, stdout, wrong);
    expect(await scene.left()).toEqual([]);
  });

  test("is refused without credentials, and is not tried twice", async () => {
    await using scene = await createContainerScene();
    const image = await pushed();
    const { outline, exitCode } = await scene.run(jobWith(image));
    expect(outline[1]).toContain(
      `Registry "${registry.host}" requires credentials for image "${image}", and the job has none for it: `,
    );
    expect(outline[1]).not.toContain("attempt 2");
    expect(exitCode).toBe(1);
  });

  test("may be named by its digest", async () => {
    await using scene = await createContainerScene();
    const image = await pushed();
    const authorization = `Basic ${base64(`${registry.user}:${registry.password}`)}`;
    const [, name = ""] = /\/(.*):1$/.exec(image) ?? [];
    const answer = await fetch(`http://${registry.host}/v2/${name}/manifests/1`, {
      headers: { authorization, accept: "application/vnd.docker.distribution.manifest.v2+json" },
    });
    const digest = answer.headers.get("docker-content-digest");
    const exact = `${image.replace(/:1$/, "")}@${digest}`;
    const { exitCode, outline } = await scene.run(jobWith(exact, [generic(registry.password)]));
    expect(outline[2]).toContain(`Pulled ${exact} in `);
    expect(exitCode).toBe(0);
  });
});

describe("an image that cannot be pulled", () => {
  test("is not found", async () => {
    await using scene = await createContainerScene();
    const image = `${registry.host}/test/absent:1`;
    const { outline, exitCode } = await scene.run(jobWith(image, [generic(registry.password)]));
    expect(outline[2]).toContain(`Image "${image}" not found: `);
    expect(outline[2]).not.toContain("attempt 2");
    expect(exitCode).toBe(1);
  });

  test("is in a registry that does not answer, which is asked again", async () => {
    await using scene = await createContainerScene();
    const image = "127.0.0.1:1/test/unreachable:1";
    const { outline, exitCode } = await scene.run(jobWith(image), ["--docker-pull-attempts=2"]);
    expect(outline[1]).toContain(`Registry "127.0.0.1:1" did not answer for image "${image}": `);
    expect(outline[1]).toContain(`Pulling ${image} (attempt 2 of 2)\n`);
    expect(exitCode).toBe(1);
    expect(await scene.left()).toEqual([]);
  });

  test("is in a registry that is silent, for so long as a pull may take", async () => {
    await using scene = await createContainerScene();
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const image = `127.0.0.1:${silent.port}/test/silent:1`;
    const args = ["--docker-pull-attempts=1", "--docker-pull-timeout=1"];
    const { outline, exitCode } = await scene.run(jobWith(image), args);
    expect(outline[1]).toContain(`Pull of image "${image}" took more than 1 s (docker-pull-timeout)\n`);
    expect(exitCode).toBe(1);
  });

  test("is never pulled where the agent's policy forbids it, and always where it wants that", async () => {
    await using scene = await createContainerScene();
    const image = await pushed();
    const never = await scene.run(jobWith(image, [generic(registry.password)]), [
      "--docker-pull-policy=never",
    ]);
    expect(never.outline[2]).toContain("is not present, and the agent never pulls images");
    for (const round of [1, 2]) {
      const job = jobWith(image, [generic(registry.password)]);
      const always = await scene.run(job, ["--docker-pull-policy=always"]);
      expect([round, always.outline[2]]).toEqual([round, expect.stringContaining(`Pulled ${image} in `)]);
    }
  });
});

const [ownPlatform, otherPlatform] =
  process.arch === "arm64" ? ["linux/arm64", "linux/amd64"] : ["linux/amd64", "linux/arm64"];

describe("an image for another platform than the agent's option docker-platform", () => {
  test("is pulled for it, and refused when the registry has it for another one only", async () => {
    await using scene = await createContainerScene();
    const image = await pushed();
    const job = jobWith(image, [generic(registry.password)]);
    const { outline, exitCode } = await scene.run(job, [`--docker-platform=${otherPlatform}`]);
    expect(outline[2]).toContain(
      `Image "${image}" is for platform ${ownPlatform} (expected ${otherPlatform}, see docker-platform)\n`,
    );
    expect(outline[2]).not.toContain("attempt 2");
    expect(exitCode).toBe(1);
    expect((await scene.run(job, [`--docker-platform=${ownPlatform}`])).exitCode).toBe(0);
    expect(await scene.left()).toEqual([]);
  });

  test("is not present, where the agent never pulls", async () => {
    await using scene = await createContainerScene();
    const { outline, exitCode } = await scene.run(jobWith(images.debian), [
      `--docker-platform=${otherPlatform}`,
      "--docker-pull-policy=never",
    ]);
    expect(outline[1]).toContain(
      `Image "${images.debian}" is not present for platform ${otherPlatform}, and the agent never pulls images`,
    );
    expect(exitCode).toBe(1);
  });
});

test("a pull shows its layers on the status line", async () => {
  await using scene = await createContainerScene();
  const { tester, env } = scene;
  await using slow = holdBlobs(registry.host);
  const image = (await pushedOwnLayer(tester)).replace(registry.host, slow.host);
  const login = { ...generic(registry.password), DOCKER_URL: slow.host };
  const file = await tester.write("job.json", JSON.stringify(jobWith(image, [login])));
  const running = tester.start(["run", file], { env, isTerminal: true, columns: 120 });
  await running.shows("running Pulling docker images...: 0 of 1 layers");
  slow.release();
  const { stdout } = await running.finished;
  expect(stdout).toContain(`Pulled ${image} in `);
});

test("two jobs that want one image pull it once", async () => {
  await using scene = await createContainerScene();
  const image = await pushed();
  const runs = await Promise.all(
    ["a", "b"].map(async (name) => {
      const file = await scene.tester.write(
        `${name}.json`,
        JSON.stringify(jobWith(image, [generic(registry.password)])),
      );
      return scene.tester.run(["run", file, "--json"], { env: scene.env });
    }),
  );
  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  const pulls = runs.map(({ stdout }) => stdout.includes(`"output":"Pulling ${image}`));
  expect(pulls.filter((isPull) => isPull)).toHaveLength(1);
  expect(await scene.left()).toEqual([]);
});
