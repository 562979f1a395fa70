import { expect, test } from "bun:test";
import { collectSchemas } from "../../../scripts/build/schemas.ts";
import { declareBuiltIns } from "../../../scripts/docs/options.ts";
import { declareOptions } from "../../../src/core/config/flags.ts";

test("options declared from the schemas of the build are those of the plugins, except for defaults of the machine", async () => {
  const known = JSON.parse(JSON.stringify(await collectSchemas()));
  const declared = await declareBuiltIns();
  const fromBuild = await declareOptions(
    declared.map(({ owner }) => owner),
    known,
  );
  const options = (all: typeof declared) =>
    all.flatMap((each) =>
      each.options.map(({ schema: { default: _, ...schema }, ...option }) => ({
        ...option,
        schema,
        default: option.defaultText === undefined ? option.default : undefined,
      })),
    );
  expect(options(fromBuild)).toEqual(options(declared));
  expect(options(declared).length).toBeGreaterThan(100);
});
