import { describe, expect, test } from "bun:test";
import { environmentVariable, jobRequest } from "signalman/testing";
import { compileAllowedImages } from "./allowed-images.ts";
import { splitWords } from "./container-words.ts";
import { readDecorator } from "./decorator.ts";
import { packSecret } from "./job-secret.ts";
import { toLabelValue } from "./labels.ts";
import { findLimits } from "./limits.ts";
import { toNames } from "./names.ts";
import { toDockerConfig } from "./pull-secret.ts";

describe("names", () => {
  test("of a job with a UUID are those of the protocol", () => {
    const id = "00000000-0000-4000-8000-000000000001";
    expect(toNames(id)).toEqual({
      pod: `semaphore-job-${id}`,
      secret: `semaphore-job-${id}-secret`,
      pullSecret: `semaphore-job-${id}-image-pull-secret`,
    });
  });

  test.each(["Job 1", "ä", "x".repeat(100), "-a-", "a_b"])(
    "the id %p makes a name that Kubernetes takes",
    (id) => {
      const { pod } = toNames(id);
      expect(pod).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      expect(pod.length).toBeLessThanOrEqual(63);
      expect(toNames(`${id}x`).pod).not.toBe(pod);
      expect(toLabelValue(id)).toMatch(/^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/);
    },
  );
});

describe("allowed images", () => {
  test.each([
    ["alpine", "my-alpine:3", true],
    ["^alpine", "my-alpine", false],
    ["(?i)^ALPINE:[[:digit:]]+$", "alpine:3", true],
    [String.raw`^registry\.example\.com/(?P<team>a|b)/`, "registry.example.com/b/x", true],
    [String.raw`\Aalpine\z`, "alpine:3", false],
  ])("with the pattern %p allow %p: %p", (pattern, image, isAllowed) => {
    expect(compileAllowedImages([pattern])(image)).toBe(isAllowed);
  });

  test.each(["(?=a)", "(?<!a)", String.raw`(a)\1`, String.raw`\Qa\E`, "a++", "[", "a(?i)b(?i:c)"])(
    "%p is refused",
    (pattern) => {
      expect(() => compileAllowedImages([pattern])).toThrow(`"${pattern}" cannot be used`);
    },
  );
});

describe("limits", () => {
  const limitsOf = (limits: unknown) =>
    findLimits({
      metadata: { name: "a-pod" },
      spec: {
        containers: [
          { name: "service", resources: { limits: { cpu: "9" } } },
          { name: "main", resources: { limits } },
        ],
      },
    });

  test.each([
    [
      { cpu: "500m", memory: "1536Mi" },
      { cpus: 0.5, memoryBytes: 1536 * 2 ** 20 },
    ],
    [
      { cpu: "2", memory: "1G" },
      { cpus: 2, memoryBytes: 1e9 },
    ],
    [
      { cpu: "1.5", memory: "129e6" },
      { cpus: 1.5, memoryBytes: 129e6 },
    ],
    [
      { cpu: "300m", memory: "8Ki" },
      { cpus: 0.3, memoryBytes: 8192 },
    ],
    [{ memory: "1E3" }, { memoryBytes: 1000 }],
    [{ memory: "1E" }, { memoryBytes: 1e18 }],
    [{ cpu: 2, memory: "0" }, { cpus: 2 }],
    [{ cpu: "many", memory: "1GB" }, {}],
    [undefined, {}],
    ["none", {}],
  ])("of the container with the commands: %p are %p", (limits, expected) => {
    expect(limitsOf(limits)).toEqual(expected);
  });

  test("are none without such a container", () => {
    expect(findLimits({ metadata: { name: "a-pod" }, spec: {} })).toEqual({});
  });
});

describe("command lines", () => {
  test.each([
    ["redis-server --port 1", ["redis-server", "--port", "1"]],
    [`sh -c 'echo "a b"'`, ["sh", "-c", 'echo "a b"']],
    [String.raw`a\ b "c \"d\" $e" ''`, ["a b", 'c "d" $e', ""]],
  ])("like %p are split into words", (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  test("with an unfinished quote are refused", () => {
    expect(() => splitWords("echo 'a")).toThrow("has an unfinished '");
  });
});

describe("the pod spec's ConfigMap", () => {
  test("is refused with all its faults", () => {
    expect(() => readDecorator({ pods: "{}", pod: "- a", mainContainer: "a: [" })).toThrow(
      /unknown key "pods" \(known: pod, mainContainer, sidecarContainers, metadata\); key "pod": expected a mapping; key "mainContainer": /,
    );
  });

  test("is refused with each field that cannot be merged with those of a job", () => {
    const data = {
      pod: "volumes: { cache: {} }\nhostAliases: [mirror]\nsecurityContext: root\nimagePullSecrets:",
      mainContainer: "env: 5\nresources: { limits: 2Gi }",
      sidecarContainers: "volumeMounts: cache\nresources: [1]",
      metadata: "labels: [a]\nannotations: { a: true }\nnamespace: other",
    };
    expect(() => readDecorator(data)).toThrow(
      [
        `key "pod": field "volumes": expected a list of mappings`,
        `key "pod": field "hostAliases": expected a list of mappings`,
        `key "pod": field "securityContext": expected a mapping`,
        `key "mainContainer": field "env": expected a list of mappings`,
        `key "mainContainer": field "resources.limits": expected a mapping`,
        `key "sidecarContainers": field "volumeMounts": expected a list of mappings`,
        `key "sidecarContainers": field "resources": expected a mapping`,
        `key "metadata": field "labels": expected a mapping of texts (quote numbers, true and false)`,
        `key "metadata": field "annotations": expected a mapping of texts (quote numbers, true and false)`,
        `key "metadata": unknown field "namespace" (known: labels, annotations)`,
      ].join("; "),
    );
  });

  test("may lack any part", () => {
    expect(readDecorator({ mainContainer: "resources: {}" })).toEqual({
      pod: {},
      mainContainer: { resources: {} },
      sidecarContainers: {},
      metadata: {},
    });
  });
});

describe("a job's secret", () => {
  const file = (path: string, content: Uint8Array) => ({
    path,
    content: Buffer.from(content).toString("base64"),
    mode: "0600",
  });

  test("contains the variables and the files under the keys of the protocol", () => {
    const env = [environmentVariable("A", "x y")];
    const { data } = packSecret(jobRequest({ env, files: [file("~/a b", Buffer.from("content"))] }));
    expect(Object.keys(data)).toEqual([".env", "fi9hIGI"]);
    expect(Buffer.from(data[".env"] ?? "", "base64").toString()).toBe("export A='x y'\n");
  });

  test("omits values that do not fit, and finds only values that it contains", () => {
    const [small, large] = [Buffer.from("small"), Buffer.alloc(2_000_000)];
    const secret = packSecret(jobRequest({ files: [file("large", large), file("small", small)] }));
    expect(secret.find(small)).toBe("/tmp/injected/c21hbGw");
    expect(secret.find(large)).toBeUndefined();
  });

  test("contains the first of two files with the same path", () => {
    const [first, second] = [Buffer.from("first"), Buffer.from("the second")];
    const secret = packSecret(jobRequest({ files: [file("a", first), file("a", second)] }));
    expect(secret.find(first)).toBe("/tmp/injected/YQ");
    expect(secret.find(second)).toBeUndefined();
  });
});

test("each kind of credentials becomes an entry of a dockerconfigjson", async () => {
  const credentials = (
    values: Record<string, string>,
    files: { path: string; content: string; mode: string }[] = [],
  ) => ({
    env: Object.entries(values).map(([name, value]) => environmentVariable(name, value)),
    files,
  });
  const key = { path: "/tmp/gcr/keyfile.json", content: Buffer.from("{}").toString("base64"), mode: "0600" };
  const config = await toDockerConfig({
    credentials: [
      credentials({
        DOCKER_CREDENTIAL_TYPE: "DockerHub",
        DOCKERHUB_USERNAME: "me",
        DOCKERHUB_PASSWORD: "pw",
      }),
      credentials({
        DOCKER_CREDENTIAL_TYPE: "GenericDocker",
        DOCKER_URL: "r.example.com",
        DOCKER_USERNAME: "u",
        DOCKER_PASSWORD: "p",
      }),
      credentials({ DOCKER_CREDENTIAL_TYPE: "GCR", GCR_HOSTNAME: "gcr.example.com" }, [key]),
    ],
    environment: {},
    signal: new AbortController().signal,
  });
  expect(JSON.parse(config)).toEqual({
    auths: {
      "docker.io": { username: "me", password: "pw", auth: btoa("me:pw") },
      "r.example.com": { username: "u", password: "p", auth: btoa("u:p") },
      "gcr.example.com": { username: "_json_key", password: "{}", auth: btoa("_json_key:{}") },
    },
  });
});
