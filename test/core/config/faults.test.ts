import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { definePlugin } from "../../../src/index.ts";
import { failureOf, load, optionOf } from "./harness.ts";

const yaml = (content: string) => ({ "signalman.config.yaml": content });
const variable = (name: string) => `SEMAPHORE_AGENT_${name}`;

describe("faults", () => {
  test("are reported at once, each with its position and the expected value", async () => {
    const error = await failureOf({
      files: yaml(
        "txet: a\nchoice: sometimes\nNO-HTTPS: yes\nplugins:\n  probe:\n    nested: { depth: deep }\n",
      ),
      env: { [variable("NUMBERS")]: "1 two", [variable("LOG_DISK_LIMIT")]: "much" },
      argv: ["--whole-number", "-1", "--log-level=loud"],
    });
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message.split("\n")).toEqual([
      "the configuration has 8 faults:",
      '  numbers (SEMAPHORE_AGENT_NUMBERS): expected each entry to be a number; received "1 two"',
      `  Unrecognized option 'txet'. Exiting... (signalman.config.yaml:1) (nearest: text)`,
      '  no-https (signalman.config.yaml:3): expected true or false; received "yes"',
      '  log-level (--log-level): expected one of "panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"; received "loud"',
      '  log-disk-limit (SEMAPHORE_AGENT_LOG_DISK_LIMIT): expected bytes, such as 512MiB, 1GiB or 1000000; received "much"',
      "  whole-number (--whole-number): Idle timeout can't be negative. Exiting...",
      '  choice (signalman.config.yaml:2): expected one of "never", "always"; received "sometimes"',
      '  plugins.probe.nested.depth (signalman.config.yaml:6): expected number; received "deep"',
    ]);
  });

  test("in nested unknown keys are named with their full path", async () => {
    const error = await failureOf({ files: yaml("kubernetes:\n  pod:\n    spec: x\n  image: y\n") });
    expect(error.message).toContain(
      "Unrecognized option 'kubernetes.pod.spec'. Exiting... (signalman.config.yaml:3)",
    );
    expect(error.message).toContain(
      "Unrecognized option 'kubernetes.image'. Exiting... (signalman.config.yaml:4)",
    );
  });

  test("in a plugin's unknown option name its nearest option", async () => {
    const error = await failureOf({ files: yaml("plugins:\n  probe:\n    chioce: never\n") });
    expect(error.message).toBe(
      'plugins.probe.chioce (signalman.config.yaml:3): plugin "probe" has no such option (nearest: choice)',
    );
  });

  test("include an option under both of its keys in one file", async () => {
    const error = await failureOf({ files: yaml("no-https: true\nplugins: { probe: { switch: true } }\n") });
    expect(error.message).toBe(
      "no-https is given twice: signalman.config.yaml:1 and signalman.config.yaml:2",
    );
  });

  test("do not include an option under both of its keys in two layers", async () => {
    const program = await load({
      files: yaml("no-https: true\n$prod:\n  plugins:\n    probe:\n      switch: false\n"),
      argv: ["--config-env=prod"],
    });
    expect(optionOf(program, "no-https")).toEqual({ value: false, source: "signalman.config.yaml:5" });
  });

  test("of a missing option name the ways to set it", async () => {
    const needy = definePlugin({
      name: "needy",
      config: v.strictObject({
        endpoint: v.string(),
        port: v.pipe(v.optional(v.string(), ""), v.nonEmpty("no port. Exiting...")),
      }),
      flags: { endpoint: "endpoint" },
      setup() {},
    });
    const { message } = await failureOf({ builtIns: [needy] });
    expect(message).toContain(
      "endpoint: is required: set --endpoint or SEMAPHORE_AGENT_ENDPOINT or endpoint in the configuration file",
    );
    expect(message).toContain("plugins.needy.port: no port. Exiting...");
  });
});
