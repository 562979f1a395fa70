import { describe, expect, test } from "bun:test";
import { environmentVariable, jobRequest } from "signalman/testing";
import { findAccess, findOwnVariable } from "./access.ts";

const accessOf = (...variables: readonly (readonly [name: string, value: string])[]) =>
  findAccess(
    jobRequest({ id: "job-1", env: variables.map(([name, value]) => environmentVariable(name, value)) }),
  );

describe("the access of a job", () => {
  test("is to the project that the request names first", () => {
    expect(accessOf(["SEMAPHORE_PROJECT_ID", "own"], ["SEMAPHORE_PROJECT_ID", "another"])).toEqual({
      project: "own",
      job: "job-1",
      canWrite: true,
    });
  });

  test.each<[string, [string, string][]]>([
    [
      "of another repository",
      [
        ["SEMAPHORE_GIT_PR_SLUG", "eve/app"],
        ["SEMAPHORE_GIT_REPO_SLUG", "acme/app"],
      ],
    ],
    ["whose repository is unknown", [["SEMAPHORE_GIT_PR_SLUG", "eve/app"]]],
    [
      "whose author names the repository of the fork afterwards",
      [
        ["SEMAPHORE_GIT_REPO_SLUG", "acme/app"],
        ["SEMAPHORE_GIT_PR_SLUG", "eve/app"],
        ["SEMAPHORE_GIT_PR_SLUG", ""],
        ["SEMAPHORE_GIT_REPO_SLUG", "eve/app"],
      ],
    ],
  ])("of a pull request %s is to read", (_, variables) => {
    expect(accessOf(["SEMAPHORE_PROJECT_ID", "own"], ...variables)).toMatchObject({ canWrite: false });
  });

  test("of a pull request of the same repository, or of a push, is to write", () => {
    const own = [
      ["SEMAPHORE_GIT_PR_SLUG", "acme/app"],
      ["SEMAPHORE_GIT_REPO_SLUG", "acme/app"],
    ] as const;
    for (const variables of [own, own.slice(1), []])
      expect(accessOf(["SEMAPHORE_PROJECT_ID", "own"], ...variables)).toMatchObject({ canWrite: true });
  });

  test.each([
    ["no project", [], "the job has no SEMAPHORE_PROJECT_ID"],
    [
      "an empty project first",
      [
        ["SEMAPHORE_PROJECT_ID", ""],
        ["SEMAPHORE_PROJECT_ID", "own"],
      ],
      "the job has no",
    ],
    ["a project with a slash", [["SEMAPHORE_PROJECT_ID", "own/../another"]], "is not an id"],
    ["a project of 200 characters", [["SEMAPHORE_PROJECT_ID", "x".repeat(200)]], "is not an id"],
  ] as [string, [string, string][], string][])("is refused to a job with %s", (_, variables, reason) => {
    expect(accessOf(...variables)).toContain(reason);
  });
});

describe("a cache of the job's own", () => {
  const own = environmentVariable("SEMAPHORE_CACHE_URL", "x");
  const container = { name: "main", image: "a", command: "", entrypoint: "", user: "", files: [] };

  test("is named by a variable of the request, of its first container, or of the agent", () => {
    expect(findOwnVariable(jobRequest({ env: [own] }), {})).toBe("SEMAPHORE_CACHE_URL");
    const containers = [{ ...container, env: [own] }];
    expect(findOwnVariable(jobRequest({ containers }), {})).toBe("SEMAPHORE_CACHE_URL");
    expect(findOwnVariable(jobRequest(), { SEMAPHORE_CACHE_BACKEND: "gcs" })).toBe("SEMAPHORE_CACHE_BACKEND");
  });

  test("is not named by other variables, nor by those of services", () => {
    const containers = [
      { ...container, env: [] },
      { ...container, env: [own] },
    ];
    const job = jobRequest({ env: [environmentVariable("SEMAPHORE_CACHES", "x")], containers });
    expect(findOwnVariable(job, { PATH: "/bin" })).toBeUndefined();
  });
});
