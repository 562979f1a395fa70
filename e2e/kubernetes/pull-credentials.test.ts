import { expect, test } from "bun:test";
import { ecrKeys, startAws } from "../../test/kit/registry-login/aws-double.ts";
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
  await using aws = startAws({ password: "amazon-password", registry: amazon.host });
  await pods.start([], aws.env);
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
            ...ecrKeys,
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

test("credentials for ECR without keys fail the job where the agent has no role, and its log gives the remedy", async () => {
  await using pods = await createPodScene();
  await using aws = startAws({ password: "none", registry: "none" });
  const { namespace, scene } = pods;
  await pods.start([], aws.env);
  const id = await scene.hub.submit({
    commands: ["true"],
    executor: "dockercompose",
    compose: {
      containers: [{ name: "main", image: "signalman/debian:1" }],
      image_pull_credentials: [{ env: { DOCKER_CREDENTIAL_TYPE: "AWS_ECR", AWS_REGION: "eu-test-1" } }],
    },
  });
  await pods.shows(id, "Failed to create temporary image pull secret: AWS_ACCESS_KEY_ID is not set");
  expect(await pods.result(id)).toBe("failed");
  await namespace.emptied();
}, 180_000);
