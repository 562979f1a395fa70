import { expect, test } from "bun:test";
import path from "node:path";
import { createPodScene } from "./agents.ts";
import { startRegistryDouble } from "./registry-double.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("credentials of all four kinds become one secret, and each pulls its image", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  const key = '{"key":1}';
  await using generic = await startRegistryDouble("me", "generic-password");
  await using google = await startRegistryDouble("_json_key", key);
  await using amazon = await startRegistryDouble("AWS", "amazon-password");
  // The first generation of the AWS CLI prints the registry's address, which a double can choose.
  await scene.tester.write(
    "bin/aws",
    [
      "#!/bin/sh",
      'case "$*" in',
      "--version) echo aws-cli/1.18.0 Python/3 ;;",
      `'ecr get-login --no-include-email --region eu-test-1') echo docker login -u AWS -p amazon-password https://${amazon.host} ;;`,
      "*) echo unexpected: $* >&2; exit 2 ;;",
      "esac",
      "",
    ].join("\n"),
    0o755,
  );
  await pods.start([], { PATH: `${path.join(scene.tester.home, "bin")}:${process.env["PATH"]}` });
  const command = "echo pulled; sleep 600";
  const id = await scene.hub.submit({
    executor: "dockercompose",
    commands: [command],
    compose: {
      containers: [
        { name: "main", image: generic.image },
        { name: "google", image: google.image, command: "sleep 600" },
        { name: "amazon", image: amazon.image, command: "sleep 600" },
      ],
      image_pull_credentials: [
        {
          env: {
            DOCKER_CREDENTIAL_TYPE: "GenericDocker",
            DOCKER_URL: generic.host,
            DOCKER_USERNAME: "me",
            DOCKER_PASSWORD: "generic-password",
          },
        },
        {
          env: { DOCKER_CREDENTIAL_TYPE: "GCR", GCR_HOSTNAME: google.host },
          files: [{ path: "/tmp/gcr/keyfile.json", content: base64(key), mode: "0600" }],
        },
        {
          env: {
            DOCKER_CREDENTIAL_TYPE: "AWS_ECR",
            AWS_REGION: "eu-test-1",
            AWS_ACCESS_KEY_ID: "key",
            AWS_SECRET_ACCESS_KEY: "job-secret",
          },
        },
        {
          env: {
            DOCKER_CREDENTIAL_TYPE: "DockerHub",
            DOCKERHUB_USERNAME: "hub-user",
            DOCKERHUB_PASSWORD: "hub-password",
          },
        },
      ],
    },
  });
  await pods.shows(id, "pulled");
  const secret = `semaphore-job-${id}-image-pull-secret`;
  const encoded = await namespace.kubectl([
    "get",
    "secret",
    secret,
    "--output=jsonpath={.data.\\.dockerconfigjson}",
  ]);
  const login = (username: string, password: string) => ({
    username,
    password,
    auth: base64(`${username}:${password}`),
  });
  expect(JSON.parse(Buffer.from(encoded, "base64").toString())).toEqual({
    auths: {
      [generic.host]: login("me", "generic-password"),
      [google.host]: login("_json_key", key),
      [amazon.host]: login("AWS", "amazon-password"),
      "docker.io": login("hub-user", "hub-password"),
    },
  });
  for (const registry of [generic, google, amazon]) expect(registry.requests.served).toBeGreaterThan(0);
  const pod = await namespace.kubectl(["get", "pod,events", "--output=yaml"]);
  for (const value of ["generic-password", "amazon-password", "hub-password", "job-secret"])
    expect(pod).not.toContain(value);
  await scene.hub.stopJob(id);
  expect(await pods.result(id)).toBe("stopped");
  await namespace.emptied();
}, 180_000);

test("ECR without the AWS CLI fails the job, and its log names the program", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  const directory = path.join(scene.tester.home, "bin");
  await scene.tester.write("bin/true", "");
  await pods.start([], { PATH: directory });
  const id = await scene.hub.submit({
    commands: ["true"],
    executor: "dockercompose",
    compose: {
      containers: [{ name: "main", image: "signalman/debian:1" }],
      image_pull_credentials: [
        { env: { DOCKER_CREDENTIAL_TYPE: "AWS_ECR", AWS_REGION: "eu-test-1", AWS_ACCESS_KEY_ID: "key" } },
      ],
    },
  });
  await pods.shows(id, "Failed to create temporary image pull secret: credentials for ECR need the AWS CLI");
  expect(await pods.result(id)).toBe("failed");
  await namespace.emptied();
}, 180_000);
