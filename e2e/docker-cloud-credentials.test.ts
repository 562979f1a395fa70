import { describe, expect, test } from "bun:test";
import path from "node:path";
import { tmpdir } from "../src/testing/index.ts";
import { createContainerScene, useTestEngine } from "./containers.ts";
import { images } from "./engine/images.ts";
import { openOwnEngine } from "./engine/own-engine.ts";
import { startRegistry } from "./engine/registry.ts";
import type { Tester } from "./fixtures.ts";
import { outline, toEvents } from "./jobs.ts";
import { base64, jobWith } from "./pull-jobs.ts";

useTestEngine();

const ecrHost = "123456789012.dkr.ecr.eu-test-1.amazonaws.com";
const ecr = {
  DOCKER_CREDENTIAL_TYPE: "AWS_ECR",
  AWS_REGION: "eu-test-1",
  AWS_ACCESS_KEY_ID: "key",
  AWS_SECRET_ACCESS_KEY: "job-secret",
};

/** A double of the AWS CLI, which keeps the environment that it sees beside itself. Resolves to its directory. */
async function writeAws(tester: Tester, password: string): Promise<string> {
  await tester.write(
    "bin/aws",
    [
      "#!/bin/sh",
      `env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort >>"$(dirname "$0")/environment"`,
      `case "$*" in`,
      "--version) echo aws-cli/2.15.0 Python/3 ;;",
      "'sts get-caller-identity --query Account --output text') echo 123456789012 ;;",
      `'ecr get-login-password --region eu-test-1') echo ${password} ;;`,
      "*) echo unexpected: $* >&2; exit 2 ;;",
      "esac",
      "",
    ].join("\n"),
    0o755,
  );
  return path.join(tester.home, "bin");
}

describe("credentials of clouds", () => {
  test("ECR's come from the AWS CLI, which sees the job's variables and none of the agent's", async () => {
    await using scene = await createContainerScene();
    const bin = await writeAws(scene.tester, "a-password-for-an-hour");
    const job = jobWith(images.debian, [ecr]);
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

  test("ECR's password pulls an image, and is shown nowhere", async () => {
    const password = `pass-${crypto.randomUUID()}`;
    await using registry = await startRegistry({
      user: "AWS",
      password,
      address: "127.88.0.1:80",
      host: ecrHost,
    });
    await using directory = await tmpdir();
    const hosts = path.join(directory.path, "hosts");
    await Bun.write(hosts, `127.0.0.1 localhost\n127.88.0.1 ${ecrHost}\n`);
    // Only this engine finds the registry by its name.
    const script = `mount --bind ${hosts} /etc/hosts && exec "$@"`;
    await using engine = await openOwnEngine({
      arguments: [`--insecure-registry=${ecrHost}`],
      prefix: ["env", "NO_PROXY=*", "unshare", "--mount", "sh", "-c", script, "sh"],
    });
    const { tester, api, host } = engine;
    const image = await registry.push(api, images.small, "test/private:1");
    const bin = await writeAws(tester, password);
    const file = await tester.write("job.json", JSON.stringify(jobWith(image, [ecr])));
    const env = { DOCKER_HOST: host, PATH: `${bin}:${process.env.PATH}` };
    const { exitCode, stdout } = await tester.run(["run", file, "--json", "--docker-mount-socket=false"], {
      env,
    });
    const lines = outline(toEvents(stdout));
    expect(lines[1]).toEndWith("\nLogin Succeeded\n");
    expect(lines[2]).toContain(`Pulled ${image} in `);
    expect(lines).toContain("[echo it runs] 0: it runs\n");
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain(password);
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
