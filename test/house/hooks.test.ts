import { expect, test } from "bun:test";
import { type HookName, hookTable } from "../../src/core/contracts/hooks.ts";
import { filesOf, textOf } from "../project.ts";

const names = Object.keys(hookTable) as HookName[];
/** Where each hook is fired: hook → files. */
const places = filesOf("src/**/*.ts").flatMap((file) =>
  [...textOf(file).matchAll(/\b(?:call|fire|gate|notify)\(\s*"([a-z]+:[a-z-]+)"/g)].map(([, name]) => [
    name,
    file,
  ]),
);

test("every hook is fired at one place, which agents and run share", () => {
  const fired = places.map(([name]) => name);
  expect(fired.toSorted()).toEqual(names.toSorted());
});

test("the hooks of an agent's process are fired in one file", () => {
  const ofAgents = places.filter(([name]) => hookTable[name as HookName].process === "agent");
  expect(new Set(ofAgents.map(([, file]) => file))).toEqual(new Set(["src/agent/lifecycle.ts"]));
});
