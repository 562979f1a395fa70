import { describe, expect, test } from "bun:test";
import { failureOf, load, optionOf } from "./harness.ts";

const yaml = (content: string) => ({ "signalman.config.yaml": content });
const variable = (name: string) => `SEMAPHORE_AGENT_${name}`;

describe("precedence", () => {
  const flag = { argv: ["--text", "flag"] };
  const env = { env: { [variable("TEXT")]: "environment" } };
  const file = { files: yaml("text: file\n") };

  test.each([
    [{ ...flag, ...env, ...file }, "flag", "--text"],
    [{ ...flag, ...env }, "flag", "--text"],
    [{ ...flag, ...file }, "flag", "--text"],
    [flag, "flag", "--text"],
    [{ ...env, ...file }, "environment", "SEMAPHORE_AGENT_TEXT"],
    [env, "environment", "SEMAPHORE_AGENT_TEXT"],
    [file, "file", "signalman.config.yaml:1"],
    [{}, "unset", "default"],
    [{ ...file, env: { [variable("TEXT")]: "" } }, "file", "signalman.config.yaml:1"],
    [{ ...flag, argv: ["--text="] }, "", "--text"],
  ])("is flag, environment, file, default (%#)", async (scene, value, source) => {
    const program = await load(scene);
    expect(optionOf(program, "text")).toEqual({ value, source });
    expect(program.config.of("probe")).toMatchObject({ text: value });
  });

  test("flags have two forms, and a boolean needs no value", async () => {
    const program = await load({ argv: ["--text=a=b", "--whole-number", "5", "--no-https"] });
    expect(program.config.of("probe")).toMatchObject({ text: "a=b", whole: 5, switch: true });
    const off = await load({ argv: ["--no-https=false"], env: { [variable("NO_HTTPS")]: "true" } });
    expect(off.config.of("probe")).toMatchObject({ switch: false });
  });

  test("a list replaces the list of lower precedence from any source", async () => {
    const files = yaml("list: [file]\n");
    expect(optionOf(await load({ files }), "list").value).toEqual(["file"]);
    const env = { [variable("LIST")]: "one two" };
    expect(optionOf(await load({ files, env }), "list").value).toEqual(["one", "two"]);
    const argv = ["--list", 'a,"b,c"', "--list=d"];
    expect(optionOf(await load({ files, env, argv }), "list").value).toEqual(["a", "b,c", "d"]);
  });

  test("config-file is accepted on the command line only", async () => {
    const program = await load({ env: { [variable("CONFIG_FILE")]: "/nowhere.yaml" } });
    expect(program.config.file).toBeUndefined();
    const error = await failureOf({ files: yaml("config-file: a.yaml\n") });
    expect(error.message).toContain("Unrecognized option 'config-file'. Exiting...");
  });

  test("sizes of disk and terminal become numbers", async () => {
    const core = async (...argv: string[]) => (await load({ argv })).config.of("core");
    expect(await core()).toMatchObject({
      "log-disk-limit": 2 ** 30,
      "terminal-size": { columns: 0, rows: 0 },
      "log-level": "info",
    });
    expect(
      await core("--log-disk-limit", "1.5KiB", "--terminal-size=120x40", "--log-level=panic"),
    ).toMatchObject({
      "log-disk-limit": 1536,
      "terminal-size": { columns: 120, rows: 40 },
      "log-level": "fatal",
    });
    expect(await core("--log-disk-limit=1000")).toMatchObject({ "log-disk-limit": 1000 });
    expect(await core("--executors", "shell=bubblewrap")).toMatchObject({
      executors: { shell: "bubblewrap" },
    });
  });
});

describe("a command with a configuration of its own", () => {
  const configuration = {
    file: { text: "of the command", "of-no-plugin": true, plugins: { probe: { nested: { depth: 3 } } } },
    withoutFlags: ["choice"],
    variables: ["whole-number"],
  };
  const command = { configuration };

  test("has its values in place of those of the file, and ignores options that no plugin declares", async () => {
    const program = await load({ files: yaml("text: file\nno-such-option: 1\n"), command });
    expect(optionOf(program, "text")).toEqual({ value: "of the command", source: "signalman nothing" });
    expect(program.config.of("probe")).toMatchObject({ text: "of the command", nested: { depth: 3 } });
    const given = await load({ argv: ["--text=flag"], command });
    expect(given.config.of("probe")).toMatchObject({ text: "flag" });
  });

  test("reads only the environment variables that it names", async () => {
    const env = { [variable("TEXT")]: "environment", [variable("WHOLE_NUMBER")]: "9" };
    const program = await load({ env, command });
    expect(program.config.of("probe")).toMatchObject({ text: "of the command", whole: 9 });
  });

  test("refuses flags of options that it determines, and invalid other flags", async () => {
    const refused = await failureOf({ argv: ["--choice=always"], command });
    expect(refused.code).toBe("USAGE_INVALID");
    expect(refused.message).toBe('"--choice" cannot be given: this command determines the option itself');
    expect((await failureOf({ argv: ["--whole-number=x"], command })).code).toBe("USAGE_INVALID");
  });
});
