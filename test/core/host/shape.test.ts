import { lendSdk } from "../../project.ts";
import { describe, expect, test } from "bun:test";
import { v } from "../../../src/index.ts";
import { loadPlugins } from "../../../src/core/host/loader.ts";
import { assertPlugin } from "../../../src/core/host/shape.ts";
import { directoryWith } from "../../plugins/fixtures.ts";

const good = { name: "good", setup() {} };
const config = v.object({ channel: v.string() });

describe("a value that is not a plugin is refused", () => {
  const cases: readonly (readonly [what: string, value: unknown, fault: string])[] = [
    [
      "nothing",
      undefined,
      "it has no default export (expected: export default definePlugin({ name, setup }))",
    ],
    ["a function", () => good, "its default export is a function (expected:"],
    ["an array", [good], "its default export is an array"],
    ["null", null, "its default export is null"],
    ["no name", { setup() {} }, '"name" must be a string, not missing'],
    ["a name that is a number", { ...good, name: 1 }, '"name" must be a string, not a number'],
    ["a name in camel case", { ...good, name: "jobHooks" }, 'its name "jobHooks" is not in kebab-case'],
    ["the program's name", { ...good, name: "core" }, 'its name "core" is reserved'],
    ["no setup", { name: "good" }, '"setup" must be a function, not missing'],
    ["a setup that is no function", { ...good, setup: {} }, '"setup" must be a function, not an object'],
    ["an unknown property", { ...good, flag: {} }, 'it has an unknown property "flag" (nearest: flags)'],
    [
      "a description that is no text",
      { ...good, description: 1 },
      '"description" must be a string, not a number',
    ],
    [
      "a process that does not exist",
      { ...good, runsIn: ["jobs"] },
      '"runsIn" must list "agent", "job" or both',
    ],
    ["no process", { ...good, runsIn: [] }, '"runsIn" lists no process, which only a plugin with "commands"'],
    ["a config that is no schema", { ...good, config: { a: 1 } }, '"config" must be a Standard Schema'],
    ["flags that are no object", { ...good, flags: 1 }, '"flags" must be an object, not a number'],
    ["a flag without config", { ...good, flags: { a: "a" } }, 'its flag "a" needs a "config" that has "a"'],
    [
      "a flag in capitals",
      { ...good, config, flags: { Channel: "channel" } },
      'its flag "Channel" is not in kebab-case',
    ],
    [
      "a flag for a key that does not exist",
      { ...good, config, flags: { channel: "chanel" } },
      'its flag "channel" names "chanel", which "config" does not have (nearest: channel)',
    ],
    ["a flag for no key", { ...good, config, flags: { channel: 1 } }, 'its flag "channel" must name a key'],
    ["commands that are no object", { ...good, commands: 1 }, '"commands" must be an object, not a number'],
    [
      "a command in capitals",
      { ...good, commands: { Deploy: () => {} } },
      'its command "Deploy" is not one or two words in kebab',
    ],
    [
      "a command that is not imported lazily",
      { ...good, commands: { deploy: {} } },
      'its command "deploy" must be a function that imports it, not an object',
    ],
    ["errors that are no object", { ...good, errors: 1 }, '"errors" must be an object, not a number'],
    [
      "an error code of another plugin",
      { ...good, errors: { OTHER_FAILED: { cause: "It failed.", remedy: "Repeat it." } } },
      'its error code "OTHER_FAILED" does not begin with the plugin\'s name',
    ],
    [
      "an error code without a remedy",
      { ...good, name: "job-gate", errors: { JOB_GATE_CLOSED: { cause: "It is closed." } } },
      'its error code "JOB_GATE_CLOSED" needs the texts "cause" and "remedy"',
    ],
  ];

  for (const [what, value, fault] of cases) {
    test(what, () => {
      const error = (() => {
        try {
          assertPlugin(value, '"./a.ts" (/etc/a.ts)');
          return undefined;
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toMatchObject({
        code: "PLUGIN_INVALID",
        message: expect.stringContaining(`"./a.ts" (/etc/a.ts) is not a plugin: ${fault}`),
      });
    });
  }

  test("by the loader as well, with the file's name", async () => {
    await using directory = await directoryWith({ "a.ts": "export const plugin = {};" });
    const request = loadPlugins([{ key: "./a.ts", origin: "external" }], {
      builtIns: {},
      lendSdk,
      directory: directory.path,
    });
    await expect(request).rejects.toThrow(
      `"./a.ts" (${directory.path}/a.ts) is not a plugin: it has no default`,
    );
  });
});

test("a plugin may have every property, with the schema of any library", () => {
  const schema = { "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } };
  for (const any of [
    config,
    v.pipe(
      config,
      v.check(() => true),
    ),
    schema,
  ]) {
    assertPlugin(
      {
        ...good,
        description: "does good",
        runsIn: ["agent"],
        config: any,
        flags: { "good-channel": "channel" },
        commands: { deploy: () => import("../../plugins/fixtures.ts") },
      },
      "x",
    );
  }
});
