import { type JobRequest, secretNamePatterns } from "signalman";
import { environmentVariable, jobRequest } from "signalman/testing";
import { expect, test } from "bun:test";
import { secretsOf, type SecretsOptions } from "./secrets.ts";

const container = {
  name: "main",
  image: "alpine",
  command: "",
  entrypoint: "",
  user: "",
  env: [],
  files: [],
};
const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----";

function secrets(job: Partial<JobRequest>, options: Partial<SecretsOptions> = {}): string[] {
  const found = secretsOf(jobRequest(job), { redactedVars: secretNamePatterns, ...options });
  return found.map((value) => Buffer.from(value).toString()).filter((value) => value !== "");
}

function file(path: string, text: string): JobRequest["files"][number] {
  return { path, content: Buffer.from(text).toString("base64"), mode: "0600" };
}

test("by default variables with secret names are redacted, and no others", () => {
  const secret = [
    "SEMAPHORE_ARTIFACT_TOKEN",
    "SEMAPHORE_OIDC_TOKEN",
    "DB_PASSWORD",
    "api_key",
    "GPG_PASSPHRASE",
    "AWS_ACCESS_KEY_ID",
  ];
  const other = [
    "CI",
    "TERM",
    "SSH_PRIVATE_KEY_PATH",
    "SEMAPHORE_GIT_SHA",
    "TOKENS",
    "KEYBOARD",
    "SECRETARY",
  ];
  const env = [...secret, ...other].map((name) => environmentVariable(name, `value of ${name}`));
  expect(secrets({ env })).toEqual(secret.map((name) => `value of ${name}`));
});

test("patterns support * and ?, ignore case, and match other characters literally", () => {
  const names = ["MY_PIN", "MY_PINS", "MY.PIN", "MYXPIN", "OTHER"];
  const env = names.map((name) => environmentVariable(name, name));
  const match = (...redactedVars: string[]) => secrets({ env }, { redactedVars });
  expect(match("my_pin?")).toEqual(["MY_PINS"]);
  expect(match("MY.PIN")).toEqual(["MY.PIN"]);
  expect(match("*PIN")).toEqual(["MY_PIN", "MY.PIN", "MYXPIN"]);
  expect(match("*")).toEqual(names);
  expect(match("none", "OTHER")).toEqual(["OTHER"]);
});

test("variables of containers and of the agent are redacted as well", () => {
  const containers = [{ ...container, env: [environmentVariable("A_TOKEN", "from a container")] }];
  const env = [environmentVariable("B_TOKEN", "from the agent"), environmentVariable("B", "no secret")];
  expect(secrets({ containers, env })).toEqual(["from the agent", "from a container"]);
});

test("private keys are found in files and variables of any name", () => {
  const files = [
    file(".ssh/id_rsa", `${key}\n`),
    file("notes", "nothing"),
    file("two", `first:\n${key}\nthen:\n${key}`),
  ];
  const env = [environmentVariable("DEPLOY_PEM", key)];
  expect(new Set(secrets({ files, env }))).toEqual(new Set([key]));
});

test("a private key in JSON is found escaped and unescaped; an unterminated key extends to the end of the file", () => {
  const escaped = key.replaceAll("\n", String.raw`\n`);
  expect(new Set(secrets({ files: [file("key.json", `{"key":"${escaped}"}`)] }))).toEqual(
    new Set([escaped, key]),
  );
  expect(secrets({ files: [file("half", key.slice(0, 50))] })).toContain(key.slice(0, 50));
});

test("image-pull credentials are secret, except for the names of account and registry", () => {
  const env = [
    environmentVariable("DOCKER_CREDENTIAL_TYPE", "DockerHub"),
    environmentVariable("DOCKERHUB_USERNAME", "semaphore"),
    environmentVariable("DOCKERHUB_PASSWORD", "the password"),
    environmentVariable("ANYTHING_ELSE", "something else"),
  ];
  const imagePullCredentials = [{ env, files: [file("/tmp/gcr/keyfile.json", '{"id":1}')] }];
  expect(secrets({ imagePullCredentials })).toEqual(["the password", "something else", '{"id":1}']);
});

test("values that are not base64 are ignored", () => {
  const env = [{ name: "A_TOKEN", value: "{SANITIZED}" }];
  const files = [{ path: "key", content: "{SANITIZED}", mode: "0600" }];
  expect(secrets({ env, files })).toEqual([]);
});

test("without patterns only the agent's own tokens are secret", () => {
  const job: Partial<JobRequest> = {
    env: [environmentVariable("A_TOKEN", "the user's")],
    files: [file("key", key)],
    logger: { method: "push", url: "", token: "log token", maxSizeInBytes: 0 },
    callbacks: { finished: "", teardownFinished: "", token: "callback token" },
  };
  expect(secrets(job, { redactedVars: [], tokens: ["agent token"] })).toEqual([
    "log token",
    "callback token",
    "agent token",
  ]);
});

const longBytes = 2_000_000;

test.each([
  "-----BEGIN PRIVATE KEY",
  "-----BEGIN PRIVATE KEY\n",
  "-----BEGIN PRIVATE KEY-----",
  "-----BEGIN PRIVATE KEY-----\n-----END ",
  "PRIVATE KEY ",
  "A-----",
])("a variable of 2 MB of %j takes linear time", (unit) => {
  const text = `-----BEGIN ${unit.repeat(longBytes / unit.length)}`;
  const found = secrets({ env: [environmentVariable("CERTIFICATE", text)] });
  expect(found.every((key) => text.includes(key))).toBe(true);
});

test("a private key is found after text that only looks like a header", () => {
  const decoys = "-----BEGIN CERTIFICATE-----\n-----BEGIN private KEY-----\n-----BEGIN ";
  expect(secrets({ env: [environmentVariable("BUNDLE", `${decoys}${key}`)] })).toContain(key);
});

test("a name of 2 MB is matched against globs with several stars in linear time", () => {
  const name = "A_".repeat(longBytes / 2);
  const env = [environmentVariable(`${name}KEY`, "value of the variable")];
  const redactedVars = ["*A*A*A*A*A*Z", "*A*_*A*_*KEY"];
  expect(secrets({ env }, { redactedVars })).toEqual(["value of the variable"]);
});
