import { describe, expect, test } from "bun:test";
import { failureOf, load, optionOf } from "./harness.ts";

const yaml = (content: string) => ({ "signalman.config.yaml": content });

describe("formats", () => {
  test.each([
    ["yaml", "text: hello\nwhole-number: 3\nlist: [x, y]\n"],
    ["yml", "text: hello\nwhole-number: 3\nlist:\n  - x\n  - y\n"],
    ["json", '{ "text": "hello", "whole-number": 3, "list": ["x", "y"], "$schema": "./schema.json" }'],
    ["jsonc", '{ "text": "hello", /* three */ "whole-number": 3, "list": ["x", "y",], }'],
    ["toml", 'text = "hello"\nwhole-number = 3\nlist = ["x", "y"]\n'],
    [
      "ts",
      'const three: number = 3;\nexport default { text: "hello", "whole-number": three, list: ["x", "y"] };\n',
    ],
    ["js", 'export default { text: "hello", "whole-number": 3, list: ["x", "y"] };\n'],
    ["mjs", 'export default async () => ({ text: "hello", "whole-number": 3, list: ["x", "y"] });\n'],
  ])("%s is read", async (extension, content) => {
    const program = await load({ files: { [`signalman.config.${extension}`]: content } });
    expect(program.config.of("probe")).toMatchObject({ text: "hello", whole: 3, list: ["x", "y"] });
    expect(optionOf(program, "text").source).toStartWith(`signalman.config.${extension}`);
  });

  test.each(["", "# nothing\n", "---\n# nothing\n"])("an empty file is accepted (%#)", async (content) => {
    expect(optionOf(await load({ files: yaml(content) }), "text").value).toBe("unset");
  });

  test("a configuration of the reference agent works: flat keys in any case, text for every type", async () => {
    const files = { "config.yaml": 'Text: x\nNO-HTTPS: "T"\nwhole-number: "12"\nlist: a b\nchoice:\n' };
    const program = await load({ files, argv: ["--config-file", "config.yaml"] });
    expect(program.config.of("probe")).toMatchObject({
      text: "x",
      switch: true,
      whole: 12,
      list: ["a", "b"],
      choice: "never",
    });
  });
});

describe("a file that cannot be read", () => {
  test.each([
    ["missing.yaml", {}, "file not found"],
    ["a.conf", { "a.conf": "text: x" }, "its name must end with one of .yaml"],
    ["dir.yaml", { "dir.yaml/x": "" }, "it is a directory"],
    ["bad.yaml", { "bad.yaml": "a: 1\nb: c: d\n" }, "line 2, column 4"],
    ["twice.yaml", { "twice.yaml": "text: a\ntext: b\n" }, "duplicate key (line 2, column 1)"],
    [
      "two.yaml",
      { "two.yaml": "text: a\n---\ntext: b\n" },
      "a second document begins here (line 2, column 1)",
    ],
    ["open.yaml", { "open.yaml": 'text: "a\n' }, "missing closing"],
    ["alias.yaml", { "alias.yaml": "text: *a\n" }, "unresolved alias"],
    ["bad.toml", { "bad.toml": "a = 1\nb = \n" }, "line 2"],
    ["bad.json", { "bad.json": '{ "text": ' }, "JSON Parse error"],
    ["bad.jsonc", { "bad.jsonc": '{ "text": ' }, "JSONC Parse error"],
    ["bad.ts", { "bad.ts": "export default {" }, "bad.ts"],
    ["none.ts", { "none.ts": "export const text = 1;" }, "it has no default export"],
    ["throws.ts", { "throws.ts": 'throw new Error("boom");' }, "boom"],
    ["binary.yaml", { "binary.yaml": "text: \0" }, "it is a binary file"],
    ["big.yaml", { "big.yaml": "#".repeat(5 * 2 ** 20) }, "it is larger than 4 MiB"],
  ])("is reported with the protocol's message and the reason: %s", async (name, files, reason) => {
    const error = await failureOf({
      files: files as Record<string, string>,
      argv: [`--config-file=${name}`],
    });
    expect(error.code).toBe("CONFIG_UNREADABLE");
    expect(error.message).toStartWith(`Error reading config file ${name}: `);
    expect(error.message).toContain(reason);
  });

  test.each([
    ["a.yaml", "token: hunter2hunter2: x\n"],
    ["b.yaml", "token: *hunter2hunter2\n"],
    ["c.yaml", "token: [hunter2hunter2\n"],
    ["d.yaml", 'token: "hunter2hunter2\n'],
    ["e.yaml", 'token: "a" hunter2hunter2\n'],
    ["f.yaml", "token: %hunter2hunter2\n"],
    ["g.yaml", "token: @hunter2hunter2\n"],
    ["a.toml", 'text = "a"\ntoken = hunter2hunter2\n'],
    ["a.json", '{ "token": hunter2hunter2 }'],
    ["a.jsonc", '{ "token": hunter2hunter2 }'],
  ])("a parser's message about %s does not show the file's text", async (name, content) => {
    const error = await failureOf({ files: { [name]: content }, argv: ["--config-file", name] });
    expect(error.code).toBe("CONFIG_UNREADABLE");
    expect(Bun.inspect(error)).not.toContain("hunter2");
  });

  test.each(["- a\n", "hello\n", "null\n", "5\n"])(
    "a document that is not a map is refused (%p)",
    async (content) => {
      expect(await failureOf({ files: yaml(content) })).toMatchObject({
        code: "CONFIG_INVALID",
        message: '"signalman.config.yaml" must contain options by name (as in log-level: debug)',
      });
    },
  );
});

describe("environments", () => {
  const content = `
text: base
list: [a, b]
plugins:
  probe: { nested: { depth: 1 } }
$production:
  text: live
  list: [c]
$env:
  staging:
    text: stage
    plugins: { probe: { nested: { depth: 2 } } }
`;

  test("a layer takes precedence over its file, and its lists replace lists", async () => {
    const program = await load({ files: yaml(content), argv: ["--config-env", "production"] });
    expect(optionOf(program, "text")).toEqual({ value: "live", source: "signalman.config.yaml:7" });
    expect(optionOf(program, "list")).toEqual({ value: ["c"], source: "signalman.config.yaml:8" });
    expect(optionOf(program, "plugins.probe.nested").value).toEqual({ depth: 1 });
  });

  test("the environment variable selects a layer as well, and $env is another spelling", async () => {
    const program = await load({ files: yaml(content), env: { SEMAPHORE_AGENT_CONFIG_ENV: "staging" } });
    expect(optionOf(program, "text").value).toBe("stage");
    expect(optionOf(program, "list").value).toEqual(["a", "b"]);
    expect(optionOf(program, "plugins.probe.nested").value).toEqual({ depth: 2 });
  });

  test("NODE_ENV selects no layer", async () => {
    const program = await load({ files: yaml(content), env: { NODE_ENV: "production" } });
    expect(optionOf(program, "text").value).toBe("base");
  });

  test("a name without a layer is rejected with the known names", async () => {
    const error = await failureOf({ files: yaml(content), argv: ["--config-env=prod"] });
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain('no environment "prod"');
    expect(error.message).toContain("staging");
  });

  test("a name is rejected without a configuration file", async () => {
    const error = await failureOf({ argv: ["--config-env=prod"] });
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("extends", () => {
  test("a file takes precedence over the files that it extends, and paths are relative to the file", async () => {
    const program = await load({
      files: {
        "signalman.config.yaml": "extends: shared/base.toml\ntext: mine\n",
        "shared/base.toml": 'extends = ["deep.yaml", "../other.json"]\ntext = "base"\nlist = ["base"]\n',
        "shared/deep.yaml": "list: [deep]\nchoice: always\nwhole-number: 1\n",
        "other.json": '{ "whole-number": 2, "map": { "a": "b" } }',
      },
    });
    expect(optionOf(program, "text")).toEqual({ value: "mine", source: "signalman.config.yaml:2" });
    expect(optionOf(program, "list")).toEqual({ value: ["base"], source: "shared/base.toml:3" });
    expect(optionOf(program, "choice")).toEqual({ value: "always", source: "shared/deep.yaml:2" });
    expect(optionOf(program, "whole-number")).toEqual({ value: 1, source: "shared/deep.yaml:3" });
    expect(optionOf(program, "map")).toEqual({ value: { a: "b" }, source: "other.json:1" });
  });

  test("the layers of extended files are applied as well", async () => {
    const program = await load({
      files: { "signalman.config.yaml": "extends: base.yaml\n", "base.yaml": "text: a\n$prod:\n  text: b\n" },
      argv: ["--config-env=prod"],
    });
    expect(optionOf(program, "text")).toEqual({ value: "b", source: "base.yaml:3" });
  });

  test("one base may be extended twice", async () => {
    const program = await load({
      files: {
        "signalman.config.yaml": "extends: [a.yaml, b.yaml]\n",
        "a.yaml": "extends: base.yaml\n",
        "b.yaml": "extends: base.yaml\n",
        "base.yaml": "text: base\n",
      },
    });
    expect(optionOf(program, "text").value).toBe("base");
  });

  test.each([
    ["https://example.com/a.yaml", "only local files"],
    ["gh:acme/config", "only local files"],
    ["{ a: 1 }", "must be the path of a file"],
    ["nowhere.yaml", "file not found (extended by signalman.config.yaml)"],
    ["signalman.config.yaml", "forms a circle: signalman.config.yaml → signalman.config.yaml"],
  ])("%p is refused", async (target, reason) => {
    const error = await failureOf({ files: yaml(`extends: ${target}\n`) });
    expect(error.code).toStartWith("CONFIG_");
    expect(error.message).toContain(reason);
  });
});
