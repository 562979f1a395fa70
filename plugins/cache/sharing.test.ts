import { describe, expect, test } from "bun:test";
import { testPlugin } from "signalman/testing";
import plugin from "./index.ts";
import { createSharing, findGroupFault, findSharingFault } from "./sharing.ts";

describe("projects", () => {
  test("have spaces of their own, except those of a group, which have that of its first project", () => {
    const sharing = createSharing(["web+api", "a+b+c"]);
    expect(["web", "api", "b", "d", "web+api", ""].map(sharing.spaceOf)).toEqual([
      "web",
      "web",
      "a",
      "d",
      "web+api",
      "",
    ]);
    expect(sharing.projectsOf("web")).toEqual(["web", "api"]);
    expect(sharing.projectsOf("api")).toBeUndefined();
  });

  test("all have one space, which is that of no project, with `all`", () => {
    const sharing = createSharing(["all"]);
    expect(["web", "all", ".all"].map(sharing.spaceOf)).toEqual([".all", ".all", ".all"]);
    expect([sharing.projectsOf(".all"), sharing.projectsOf("all")]).toEqual(["all", undefined]);
  });
});

test.each([
  "",
  "web",
  "web+",
  "+",
  "web+../api",
  "web+a/b",
  "web+web",
  "web api",
  "a,b",
  `a+${"x".repeat(200)}`,
])("the group %j is refused", (group) => {
  expect(findGroupFault(group)).toBeString();
});

test("a project cannot be in two groups, and `all` is the only one", () => {
  expect(findSharingFault(["a+b", "c+a"])).toBe('project "a" is in two groups: join them');
  expect(findSharingFault(["all", "a+b"])).toContain("all includes every project");
  expect(findSharingFault(["a+b", "c+d"])).toBeUndefined();
});

test("cache-share without a cache of its own is a warning", async () => {
  await using t = await testPlugin(plugin, { roles: ["agent"], flags: { "cache-share": "web+api" } });
  expect(t.logs.map(({ message }) => message)).toEqual([
    "cache-share has no effect without cache-size: set it for `cache serve`",
  ]);
});
