import { expect, test } from "bun:test";
import * as v from "valibot";
import { defineCommand } from "../../../src/core/contracts/command.ts";
import { definePlugin } from "../../../src/index.ts";
import type { CoreConfig } from "../../../src/agent/options/index.ts";

const config = v.strictObject({
  host: v.optional(v.string(), "localhost"),
  port: v.pipe(v.string(), v.transform(Number)),
});

test("a flag must name a key of the config", () => {
  const plugin = definePlugin({
    name: "typed",
    config,
    // @ts-expect-error: there is no "hots".
    flags: { "typed-host": "hots" },
    setup() {},
  });
  expect(plugin.name).toBe("typed");
});

test("setup gets the output of the options' schema", () => {
  definePlugin({
    name: "typed",
    config,
    flags: { "typed-host": "host", "typed-port": "port" },
    setup(_, options) {
      const port: number = options.port;
      // @ts-expect-error: it is no text any more.
      const text: string = options.port;
      return void [port, text];
    },
  });
});

test("the core's options have the types of validated values", () => {
  const read = (core: CoreConfig) => {
    const bytes: number = core["log-disk-limit"];
    const { columns }: { columns: number } = core["terminal-size"];
    // @ts-expect-error: "warning" is "warn" by now.
    const isWarning = core["log-level"] === "warning";
    // @ts-expect-error: there is no such option.
    return [bytes, columns, isWarning, core["log-levle"]];
  };
  expect(read).toBeFunction();
});

test("a command's arguments have the types of their declaration", () => {
  defineCommand({
    meta: { name: "typed", description: "" },
    args: {
      file: { type: "positional", required: true },
      tag: { type: "string", list: true },
      loud: { type: "boolean" },
    },
    run({ args }) {
      const tags: readonly string[] = args.tag;
      const loud: boolean | undefined = args.loud;
      const file: string = args.file;
      // @ts-expect-error: a list is no text.
      const tag: string = args.tag;
      return void [tags, loud, file, tag];
    },
  });
});
