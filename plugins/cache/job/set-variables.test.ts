import { describe, expect, test } from "bun:test";
import { createCredentials } from "../credentials.ts";
import { createIdentity, saveIdentity, toIdentityPath } from "../identity.ts";
import plugin from "../index.ts";
import { environmentVariable, jobRequest, testPlugin, tmpdir } from "signalman/testing";

const urls = { shell: "http://127.0.0.1:1001", dockercompose: "http://172.17.0.1:1001" };
const identity = { ...createIdentity(), url: urls.shell, urls };
const job = jobRequest({ id: "job-1", env: [environmentVariable("SEMAPHORE_PROJECT_ID", "held-1")] });

async function start(event: object = {}, { flags = {}, hasFile = true } = {}) {
  await using tmp = await tmpdir();
  if (hasFile) saveIdentity(toIdentityPath(tmp.path), identity);
  await using t = await testPlugin(plugin, { roles: ["job"], flags: { "cache-size": "1GiB", ...flags } });
  const agent = { id: "agent-1", stateDirectory: tmp.path };
  await t.call("job:start", { job, agent, executor: "shell", ...event });
  const last = t.logs.findLast(({ level }) => level !== "debug");
  return {
    variables: Object.fromEntries(t.variables.map(({ name, value }) => [name, value])),
    secret: t.variables.filter(({ secret }) => secret).map(({ name }) => name),
    log: last && `${last.level}: ${last.message}`,
  };
}

const urlOf = async (...args: Parameters<typeof start>) =>
  (await start(...args)).variables["SEMAPHORE_CACHE_S3_URL"];

describe("a job", () => {
  test("gets a key of its project, whose secret is masked", async () => {
    const { variables, secret, log } = await start();
    const { id, secret: value } = createCredentials({ secret: identity.secret, isAlive: () => true }).issue({
      project: "held-1",
      job: "job-1",
      canWrite: true,
    });
    expect(variables).toEqual({
      SEMAPHORE_CACHE_BACKEND: "s3",
      SEMAPHORE_CACHE_S3_URL: urls.shell,
      SEMAPHORE_CACHE_S3_BUCKET: "cache",
      SEMAPHORE_CACHE_S3_KEY: id,
      SEMAPHORE_CACHE_S3_SECRET: value,
    });
    expect([secret, log]).toEqual([["SEMAPHORE_CACHE_S3_SECRET"], undefined]);
  });

  test("gets the URL that the executor which runs it can reach", async () => {
    const flags = { "cache-url": "http://10.0.0.7:9700/" };
    expect(await urlOf({ executor: "dockercompose" })).toBe(urls.dockercompose);
    expect(await urlOf({ executor: "dockercompose" }, { flags })).toBe("http://10.0.0.7:9700");
    expect(await urlOf({ executor: "kubernetes" }, { flags })).toBe("http://10.0.0.7:9700");
    expect(await urlOf({ executor: "shell" }, { flags })).toBe(urls.shell);
  });

  test.each<[string, Parameters<typeof start>, RegExp | undefined]>([
    [
      "whose executor does not reach this host",
      [{ executor: "kubernetes" }],
      /^info: .*"kubernetes" does not reach .* set cache-listen and cache-url$/,
    ],
    [
      "without a project",
      [{ job: jobRequest() }],
      /^info: the job gets no cache: the job has no SEMAPHORE_PROJECT_ID$/,
    ],
    [
      "with a cache of its own",
      [{ job: { ...job, env: [...job.env, environmentVariable("SEMAPHORE_CACHE_BACKEND", "gcs")] } }],
      undefined,
    ],
    ["of `run`", [{ agent: { id: "agent-1" } }], undefined],
    ["of an agent whose file is missing", [{}, { hasFile: false }], /^warn: .*cache\.json" cannot be read$/],
    [
      "whose variables are refused",
      [
        {
          setVariable() {
            throw new Error("too many");
          },
        },
      ],
      /^warn: the job gets no cache: too many$/,
    ],
  ])("%s gets nothing, and runs", async (_, [event, options], reason) => {
    const { variables, log } = await start(event, options);
    expect(variables).toEqual({});
    if (reason) expect(log).toMatch(reason);
    else expect(log).toBeUndefined();
  });
});
