import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { ecrKeys, startAws } from "../../test/kit/registry-login/aws-double.ts";
import { createContainerScene, useTestEngine } from "../support/containers.ts";
import { images } from "../support/engine/images.ts";
import { openOwnEngine } from "../support/engine/own-engine.ts";
import { startRegistry } from "../support/engine/registry.ts";
import { outline, toEvents } from "../support/jobs.ts";
import { base64, jobWith } from "../support/pull-jobs.ts";

useTestEngine();

const ecrHost = "123456789012.dkr.ecr.eu-test-1.amazonaws.com";
const ecr = { DOCKER_CREDENTIAL_TYPE: "AWS_ECR", AWS_REGION: "eu-test-1", ...ecrKeys };

/** An `aws` that does with its variables what Amazon's does, and what its interpreter does. */
const awsProgram = `#!/bin/bash
[ -n "$AWS_WEB_IDENTITY_TOKEN_FILE" ] && curl -s --data-binary @"$AWS_WEB_IDENTITY_TOKEN_FILE" "$AWS_ENDPOINT_URL_STS"
case "$*" in
--version) echo aws-cli/2.15.0 Python/3 ;;
sts*) echo 123456789012 ;;
*) echo a-password ;;
esac
`;

describe("credentials of clouds", () => {
  test("an entry for ECR reads no file, names no address and runs no program of the agent's host", async () => {
    await using scene = await createContainerScene();
    await using aws = startAws({ password: "a-password-for-an-hour", registry: ecrHost });
    const received: string[] = [];
    await using attacker = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        received.push(`${request.url} ${await request.text()}`);
        return new Response("", { status: 500 });
      },
    });
    const { tester } = scene;
    const program = await tester.write("bin/aws", awsProgram, 0o755);
    const secret = await tester.write("token-file", "hidden-from-jobs", 0o600);
    const code = await tester.write("code", `echo run by $(id -u) >>${tester.home}/ran\n`);
    const address = `http://127.0.0.1:${attacker.port}/`;
    const hostile = {
      ...ecr,
      BASH_ENV: code,
      PATH: `${path.dirname(program)}:${process.env.PATH}`,
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/x",
      AWS_WEB_IDENTITY_TOKEN_FILE: secret,
      AWS_CONFIG_FILE: secret,
      ...Object.fromEntries(
        ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_ECR", "HTTP_PROXY", "HTTPS_PROXY"].map(
          (name) => [name, address],
        ),
      ),
    };
    const { outline, exitCode } = await scene.run(jobWith(images.debian, [hostile]), [], {
      env: { ...aws.env, PATH: `${path.dirname(program)}:${process.env.PATH}` },
    });
    expect(received).toEqual([]);
    expect(existsSync(path.join(tester.home, "ran"))).toBe(false);
    // The login of the double is valid; its registry cannot be reached from here.
    expect(outline[1]).toContain(`Registry "${ecrHost}" did not answer: `);
    expect(exitCode).toBe(1);
    expect(aws.requests.map(({ fault }) => fault)).toEqual([undefined]);
  });

  test("ECR's password pulls an image, with the entry's keys and with the instance's role, and is shown nowhere", async () => {
    const password = `pass-${crypto.randomUUID()}`;
    await using registry = await startRegistry({
      user: "AWS",
      password,
      address: "127.88.0.1:80",
      host: ecrHost,
    });
    await using aws = startAws({ password, registry: ecrHost, hasRole: true });
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
    const ofRole = { DOCKER_CREDENTIAL_TYPE: "AWS_ECR", AWS_REGION: "eu-test-1" };
    for (const [entry, calls] of [
      [ecr, 1],
      [ofRole, 5],
    ] as const) {
      const file = await tester.write("job.json", JSON.stringify(jobWith(image, [entry])));
      const args = ["run", file, "--json", "--docker-mount-socket=false", "--docker-pull-policy=always"];
      const { exitCode, stdout } = await tester.run(args, { env: { DOCKER_HOST: host, ...aws.env } });
      const lines = outline(toEvents(stdout));
      expect(lines[1]).toEndWith(
        "Setting up credentials for ECR\naws ecr get-login-password --region $AWS_REGION | docker login --username AWS --password-stdin 123456789012.dkr.ecr.$AWS_REGION.amazonaws.com\nLogin Succeeded\n",
      );
      expect(lines[2]).toContain(`Pulled ${image} in `);
      expect(lines).toContain("[echo it runs] 0: it runs\n");
      expect(exitCode).toBe(0);
      expect(stdout).not.toContain(password);
      expect(aws.requests).toHaveLength(calls);
      expect(aws.requests.filter(({ fault }) => fault !== undefined)).toEqual([]);
    }
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
