import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import {
  closeEngine,
  type ContainerScene,
  containerJob,
  createContainerScene,
  testEngine,
} from "./containers.ts";
import { images } from "./engine/images.ts";
import { type Registry, startRegistry } from "./engine/registry.ts";

let registry: Registry;

beforeAll(async () => {
  await testEngine();
  registry = await startRegistry();
}, 600_000);

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await closeEngine();
});

const base64 = (text: string) => Buffer.from(text).toString("base64");
const variables = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value: base64(value) }));

/** An image that only the registry has, under a name that no other test uses. */
async function pushed(): Promise<string> {
  const { api } = await testEngine();
  return registry.push(api, images.small, `test/${crypto.randomUUID()}:1`);
}

function jobWith(
  image: string,
  credentials: readonly Readonly<Record<string, string>>[] = [],
  files: readonly unknown[] = [],
) {
  const compose = {
    image_pull_credentials: credentials.map((values) => ({ env_vars: variables(values), files })),
  };
  return containerJob(["echo it runs"], [{ image }], { compose });
}

const generic = (password: string) => ({
  DOCKER_CREDENTIAL_TYPE: "GenericDocker",
  DOCKER_USERNAME: registry.user,
  DOCKER_PASSWORD: password,
  DOCKER_URL: registry.host,
});

/** Nothing of the credentials is anywhere but in the request. */
async function expectNoTrace(scene: ContainerScene, output: string, secret: string): Promise<void> {
  expect(output).not.toContain(secret);
  expect(existsSync(path.join(scene.tester.home, ".docker"))).toBe(false);
  const log = Bun.file(path.join(scene.tester.temporary, "agent_log"));
  if (await log.exists()) expect(await log.text()).not.toContain(secret);
}

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
      `Registry "${registry.host}" wants credentials for image "${image}", and the job has none for it: `,
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

describe("credentials of clouds", () => {
  test("ECR's come from the AWS CLI, which sees the job's variables and none of the agent's", async () => {
    await using scene = await createContainerScene();
    await scene.tester.write(
      "bin/aws",
      [
        "#!/bin/sh",
        `env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort >>"$(dirname "$0")/environment"`,
        `case "$*" in`,
        "--version) echo aws-cli/2.15.0 Python/3 ;;",
        "'sts get-caller-identity --query Account --output text') echo 123456789012 ;;",
        "'ecr get-login-password --region eu-test-1') echo a-password-for-an-hour ;;",
        "*) echo unexpected: $* >&2; exit 2 ;;",
        "esac",
        "",
      ].join("\n"),
      0o755,
    );
    const job = jobWith(images.debian, [
      {
        DOCKER_CREDENTIAL_TYPE: "AWS_ECR",
        AWS_REGION: "eu-test-1",
        AWS_ACCESS_KEY_ID: "key",
        AWS_SECRET_ACCESS_KEY: "job-secret",
      },
    ]);
    const bin = path.join(scene.tester.home, "bin");
    const { outline, exitCode, stdout } = await scene.run(job, [], {
      env: { PATH: `${bin}:${process.env.PATH}`, AGENT_SECRET: "hidden" },
    });
    expect(outline[1]).toContain(
      "Setting up credentials for ECR\naws ecr get-login-password --region $AWS_REGION | docker login --username AWS --password-stdin 123456789012.dkr.ecr.$AWS_REGION.amazonaws.com\n",
    );
    // No such registry can be reached from here.
    expect(outline[1]).toContain('Registry "123456789012.dkr.ecr.eu-test-1.amazonaws.com" did not answer: ');
    expect(exitCode).toBe(1);
    expect(stdout).not.toContain("a-password-for-an-hour");
    const seen = await Bun.file(path.join(bin, "environment")).text();
    expect(seen).toContain("AWS_SECRET_ACCESS_KEY=job-secret");
    expect(seen).not.toContain("AGENT_SECRET");
  });

  test("GCR's key goes to its host, as the user _json_key", async () => {
    await using scene = await createContainerScene();
    const asked: string[] = [];
    await using gcr = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        asked.push(request.headers.get("authorization") ?? "");
        const isKnown = request.headers.get("authorization") === `Basic ${base64('_json_key:{"key":1}')}`;
        if (isKnown) return new Response("{}");
        return new Response("{}", { status: 401, headers: { "www-authenticate": 'Basic realm="gcr"' } });
      },
    });
    const host = `127.0.0.1:${gcr.port}`;
    const files = [{ path: "/tmp/gcr/keyfile.json", content: base64('{"key":1}'), mode: "0600" }];
    const job = jobWith(images.debian, [{ DOCKER_CREDENTIAL_TYPE: "GCR", GCR_HOSTNAME: host }], files);
    const { outline, exitCode } = await scene.run(job);
    expect(outline[1]).toBe(
      "[Setting up image pull credentials] 0: Setting up credentials for GCR\ncat /tmp/gcr/keyfile.json | docker login -u _json_key --password-stdin https://$GCR_HOSTNAME\nLogin Succeeded\n",
    );
    expect(exitCode).toBe(0);
    expect(asked.at(-1)).toBe(`Basic ${base64('_json_key:{"key":1}')}`);
  });

  test.each([
    [{}, "Failed to resolve docker login strategy: DOCKER_CREDENTIAL_TYPE not set\n"],
    [{ DOCKER_CREDENTIAL_TYPE: "Other" }, "Unknown Handler for credential type Other\n"],
  ])("an unknown kind fails with the string of the protocol: %p", async (values, line) => {
    await using scene = await createContainerScene();
    const { outline, exitCode } = await scene.run(jobWith(images.debian, [values]));
    expect(outline[1]).toBe(`[Setting up image pull credentials] 1: ${line}`);
    expect(exitCode).toBe(1);
  });
});
