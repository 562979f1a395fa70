import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import type { Plugin } from "../../../src/index.ts";
import { failureOf, load, probe } from "./harness.ts";

const yaml = (content: string) => ({ "signalman.config.yaml": content });
const variable = (name: string) => `SEMAPHORE_AGENT_${name}`;

describe("plugins", () => {
  const named = (name: string, more: Partial<Plugin> = {}): Plugin => ({ name, setup() {}, ...more });
  const order = async (content: string, files = {}) => {
    const builtIns = [named("a"), named("b"), named("c")];
    const program = await load({ files: { ...yaml(content), ...files }, builtIns });
    return program.plugins.map(({ plugin }) => plugin.name);
  };
  const own = (name: string) => `export default { name: "${name}", setup() {} };\n`;

  test("have the order of the built-ins; those in the map have the order of the map", async () => {
    expect(await order("log-level: info\n")).toEqual(["a", "b", "c"]);
    expect(await order("plugins: { b: true, a: {} }\n")).toEqual(["c", "b", "a"]);
    expect(await order("plugins: { ./x.ts: {}, a: null }\n", { "x.ts": own("x") })).toEqual([
      "b",
      "c",
      "x",
      "a",
    ]);
    expect(await order("plugins: { b: false }\n")).toEqual(["a", "c"]);
  });

  test("with a path are resolved relative to the file that names them, and can be disabled by an extending file", async () => {
    const files = {
      "base/base.yaml": "plugins: { ./one.ts: {}, ./two.ts: {} }\n",
      "base/one.ts": own("one"),
      "base/two.ts": own("two"),
    };
    expect(await order("extends: base/base.yaml\n", files)).toEqual(["a", "b", "c", "one", "two"]);
    expect(await order("extends: base/base.yaml\nplugins: { ./base/one.ts: false }\n", files)).toEqual([
      "a",
      "b",
      "c",
      "two",
    ]);
  });

  test("that are disabled have no options, and the message names the plugin", async () => {
    const files = yaml("plugins: { probe: false }\n");
    const flag = await failureOf({ files, argv: ["--text=a"] });
    expect(flag).toMatchObject({ code: "USAGE_INVALID" });
    expect(flag.message).toBe('unknown flag "--text" (an option of plugin "probe", which is off)');
    const key = await failureOf({ files: yaml("text: a\nplugins: { probe: false }\n") });
    expect(key.message).toBe(
      `Unrecognized option 'text'. Exiting... (signalman.config.yaml:1) (an option of plugin "probe", which is off)`,
    );
  });

  test.each([
    ["plugins: [a]\n", "plugins (signalman.config.yaml:1): expected a map of plugins, each with its options"],
    ["plugins: { a: 5 }\n", "plugins.a (signalman.config.yaml:1): expected options, true or false"],
    [
      "plugins: { a: { x: 1 } }\n",
      'plugins.a.x (signalman.config.yaml:1): plugin "a" has no such option (it has no options)',
    ],
  ])("are rejected when the map has an invalid value (%#)", async (content, message) => {
    const error = await failureOf({ files: yaml(content), builtIns: [named("a")] });
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(error.message).toBe(message);
  });

  test("that declare the same flag are both named in the error, as is the core", async () => {
    const config = v.strictObject({ level: v.optional(v.string()) });
    const flags = { "log-level": "level" };
    const one = named("one", { config, flags: { shared: "level" } });
    const two = named("two", { config, flags: { shared: "level" } });
    const clash = await failureOf({ builtIns: [one, two] });
    expect(clash).toMatchObject({ code: "PLUGIN_INVALID" });
    expect(clash.message).toBe(
      'plugin "two" declares the flag "--shared", which plugin "one" declares as well',
    );
    const core = await failureOf({ builtIns: [named("three", { config, flags })] });
    expect(core.message).toBe(
      'plugin "three" declares the flag "--log-level", which the core declares as well',
    );
  });

  test("with a flag for an unknown key of their config are rejected", async () => {
    const error = await failureOf({ builtIns: [{ ...probe, flags: { depth: "dpeth" } }] });
    expect(error).toMatchObject({ code: "PLUGIN_INVALID" });
  });

  test("from a file have the same kinds of options as built-in plugins", async () => {
    const plugin = `
      import { definePlugin, v } from "signalman";
      export default definePlugin({
        name: "outside",
        config: v.strictObject({ colour: v.optional(v.picklist(["red", "blue"]), "red") }),
        flags: { "outside-colour": "colour" },
        setup() {},
      });`;
    const files = { ...yaml("plugins: { ./outside.ts: { colour: blue } }\n"), "outside.ts": plugin };
    expect((await load({ files })).config.of("outside")).toEqual({ colour: "blue" });
    const env = { [variable("OUTSIDE_COLOUR")]: "green" };
    expect((await failureOf({ files, env })).message).toContain(
      'expected one of "red", "blue"; received "green"',
    );
    expect((await load({ files, env, argv: ["--outside-colour=red"] })).config.of("outside")).toEqual({
      colour: "red",
    });
  });
});
