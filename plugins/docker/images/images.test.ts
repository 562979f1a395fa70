import { describe, expect, test } from "bun:test";
import { AgentError, decodePullCredentials, type ImagePullCredentials } from "signalman";
import { environmentVariable } from "signalman/testing";
import { toPullFailure } from "./failure.ts";
import { matchesPlatform } from "./pull.ts";
import { createPullProgress, summarizePulls } from "./progress.ts";
import { isReference, parseReference, toRegistry } from "./reference.ts";

const entry = (values: Readonly<Record<string, string>>, files: ImagePullCredentials["files"] = []) => ({
  env: Object.entries(values).map(([name, value]) => environmentVariable(name, value)),
  files,
});

describe("an image's name", () => {
  test.each([
    ["debian", "docker.io", "debian:latest"],
    ["semaphoreci/ruby:3", "docker.io", "semaphoreci/ruby:3"],
    ["localhost/a", "localhost", "localhost/a:latest"],
    ["127.0.0.1:5000/a/b", "127.0.0.1:5000", "127.0.0.1:5000/a/b:latest"],
    ["Registry.test/a@sha256:00", "registry.test", "Registry.test/a@sha256:00"],
  ])("%s is pulled from %s as %s", (image, registry, pullName) => {
    expect(parseReference(image)).toEqual({ registry, pullName });
  });

  test.each([
    ["https://index.docker.io/v1/", "docker.io"],
    ["", "docker.io"],
    ["https://Gcr.io", "gcr.io"],
    ["registry.test:5000/path", "registry.test:5000"],
  ])("in %p belongs to registry %s", (address, registry) => {
    expect(toRegistry(address)).toBe(registry);
  });
});

describe("credentials of a job", () => {
  test("are decoded, of each type", () => {
    const hub = { DOCKER_CREDENTIAL_TYPE: "DockerHub", DOCKERHUB_USERNAME: "u", DOCKERHUB_PASSWORD: "p" };
    expect(decodePullCredentials(entry(hub))).toMatchObject({ username: "u", password: "p" });
    const generic = { DOCKER_CREDENTIAL_TYPE: "GenericDocker", DOCKER_USERNAME: "u", DOCKER_PASSWORD: "p" };
    expect(decodePullCredentials(entry({ ...generic, DOCKER_URL: "r.test" }))).toMatchObject({
      server: "r.test",
    });
    const gcr = entry({ DOCKER_CREDENTIAL_TYPE: "GCR", GCR_HOSTNAME: "gcr.test" }, [
      { path: "/tmp/gcr/keyfile.json", content: "a2V5", mode: "0600" },
    ]);
    expect(decodePullCredentials(gcr)).toMatchObject({
      server: "https://gcr.test",
      username: "_json_key",
      password: "key",
    });
    const ecr = { DOCKER_CREDENTIAL_TYPE: "AWS_ECR", AWS_REGION: "eu", AWS_ACCOUNT_ID: "123456789012" };
    expect(decodePullCredentials(entry(ecr))).toMatchObject({ region: "eu", account: "123456789012" });
  });

  test.each([
    [
      { DOCKER_CREDENTIAL_TYPE: "DockerHub" },
      "Failed to determine docker login command: DOCKERHUB_USERNAME not set",
    ],
    [{ DOCKER_CREDENTIAL_TYPE: "X" }, "Unknown Handler for credential type X"],
    [{}, "Failed to resolve docker login strategy: DOCKER_CREDENTIAL_TYPE not set"],
  ])("with the variables %p are refused", (values, message) => {
    expect(() => decodePullCredentials(entry(values))).toThrow(new AgentError("JOB_INVALID", message));
  });

  test("are refused when a value is not base64, naming the variable without its value", () => {
    const broken = entry({ DOCKER_CREDENTIAL_TYPE: "DockerHub" });
    const env = [...broken.env, { name: "DOCKERHUB_PASSWORD", value: "%%%" }];
    expect(() => decodePullCredentials({ ...broken, env })).toThrow(/^Failed to decode DOCKERHUB_PASSWORD$/);
  });
});

describe("the reason for a failed pull", () => {
  const refuse = (statusCode: number, message: string) =>
    Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${message} `), {
      statusCode,
      json: { message },
    });

  test.each([
    [404, "manifest for r.test/a:1 not found: manifest unknown: manifest unknown", "absent"],
    [404, "no matching manifest for linux/arm64 in the manifest list entries", "absent"],
    [404, "pull access denied for a, repository does not exist or may require 'docker login'", "absent"],
    [500, 'Get "https://r.test/v2/": no basic auth credentials', "refused"],
    [500, 'Head "https://r.test/v2/": unauthorized: authentication required', "refused"],
    [500, 'Get "https://r.test/v2/": dial tcp: lookup r.test: no such host', "unreachable"],
    [500, 'Get "https://r.test/v2/": net/http: request canceled (Client.Timeout exceeded)', "unreachable"],
    [500, "toomanyrequests: You have reached your pull rate limit", "unreachable"],
  ] as const)("%p %p is %s", (status, message, kind) => {
    const failure = toPullFailure(refuse(status, message), "r.test/a:1", true);
    expect(failure.kind).toBe(kind);
    expect(failure.line).toContain(message);
    expect(failure.line).toContain('"r.test/a:1"');
  });
});

test("the progress of a pull sums up its layers", () => {
  const progress = createPullProgress();
  expect(progress.summary()).toBeUndefined();
  const id = (digit: string) => digit.repeat(12);
  progress.add({ id: "latest", status: "Pulling from a" });
  progress.add({ id: id("a"), status: "Already exists" });
  progress.add({ id: id("b"), status: "Downloading", progressDetail: { current: 5e6, total: 2e7 } });
  expect(progress.summary()).toBe("1 of 2 layers, 5.0 of 20.0 MB");
  progress.add({ id: id("b"), status: "Download complete" });
  progress.add({ id: id("b"), status: "Pull complete" });
  expect(progress.summary()).toBe("2 of 2 layers, 20.0 of 20.0 MB");
  expect(progress.downloadedBytes).toBe(2e7);
});

test("the progress of several pulls is one line", () => {
  const [first, second, third] = [createPullProgress(), createPullProgress(), createPullProgress()];
  expect(summarizePulls([first, second, third])).toBeUndefined();
  first.add({ id: "a".repeat(12), status: "Downloading", progressDetail: { current: 5e6, total: 2e7 } });
  expect(summarizePulls([first, second, third])).toBe("0 of 1 layers, 5.0 of 20.0 MB");
  second.add({ id: "b".repeat(12), status: "Already exists" });
  expect(summarizePulls([first, second, third])).toBe("2 images, 1 of 2 layers, 5.0 of 20.0 MB");
});

test.each([
  [undefined, undefined, false],
  ["linux/amd64", undefined, true],
  ["linux/amd64", "linux/amd64", true],
  ["linux/amd64", "linux/arm64", false],
  ["linux/arm64", "linux/arm64/v8", true],
  ["linux/arm64", "linux/aarch64", true],
  ["linux/amd64", "x86_64", true],
  ["linux/amd64", "linux", true],
  ["linux/amd64", "windows/amd64", false],
])("an image of platform %p matches %p: %p", (platform, wanted, isMatch) => {
  expect(matchesPlatform(platform, wanted)).toBe(isMatch);
});

describe("an image's name", () => {
  test.each([
    "debian",
    "debian:bookworm-slim",
    "library/debian",
    "127.0.0.1:5000/team/app:1",
    "localhost/app",
    "r.test/a/b/c@sha256:0123abcd",
    "r.test:443/a__b/c-d.e:v1.2_3@sha256:0123abcd",
    "0fa9f0823b35",
  ])("may be %p", (name) => {
    expect(isReference(name)).toBe(true);
  });

  test.each([
    "",
    "/team/app:1",
    "a//b",
    "a/",
    "a b",
    "a?b",
    "a#b",
    "a:",
    "a:b:c",
    "../a",
    "a/../../b",
    "a@b",
    "${VAR}",
  ])("may not be %p", (name) => {
    expect(isReference(name)).toBe(false);
  });
});
