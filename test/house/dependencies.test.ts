import { expect, test } from "bun:test";
import { textOf } from "../project.ts";

test("no package runs a script when it is installed, and every version is exact", () => {
  const { trustedDependencies, dependencies, devDependencies } = JSON.parse(textOf("package.json")) as Record<
    string,
    unknown
  >;
  expect(trustedDependencies).toEqual([]);
  const versions = Object.values({ ...(dependencies as object), ...(devDependencies as object) });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version as string))).toEqual([]);
});
