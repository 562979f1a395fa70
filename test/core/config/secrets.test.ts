import { stderr } from "../../../src/os/this-process/output.ts";
import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { definePlugin, type Plugin } from "../../../src/index.ts";
import type { StandardSchemaV1 } from "../../../src/core/contracts/standard-schema.ts";
import { failureOf, load } from "./harness.ts";

const yaml = (content: string) => ({ "signalman.config.yaml": content });
const variable = (name: string) => `SEMAPHORE_AGENT_${name}`;

describe("secrets", () => {
  const secret = "hunter2-and-more";

  test.each([
    [{ argv: ["--token", secret] }],
    [{ env: { [variable("TOKEN")]: secret } }],
    [{ files: yaml(`token: ${secret}\n`) }],
    [{ files: yaml(`plugins: { probe: { token: ${secret} } }\n`) }],
    [{ files: yaml(`token: [${secret}]\n`) }],
    [{ files: yaml(`token: { a: ${secret} }\n`) }],
  ])("are not shown by faults (%#)", async (scene) => {
    const error = await failureOf(scene);
    expect(error.message).toContain("token (");
    expect(Bun.inspect(error)).not.toContain("hunter2");
  });

  test("are redacted in the messages of plugins", async () => {
    const gossip = definePlugin({
      name: "gossip",
      config: v.pipe(
        v.strictObject({ token: v.optional(v.pipe(v.string(), v.metadata({ secret: true }))) }),
        v.check(
          () => false,
          (issue) => `not with ${JSON.stringify(issue.input)}`,
        ),
      ),
      flags: { token: "token" },
      setup() {},
    });
    const error = await failureOf({ builtIns: [gossip], argv: ["--token", secret] });
    expect(error.message).toBe('plugin "gossip": not with {"token":"[REDACTED]"}');
  });

  test("are redacted in the agent's log, from any source", async () => {
    const program = await load({
      files: yaml("token: tok-from-file\n"),
      env: { [variable("TOKEN")]: "tok-from-environment" },
    });
    const written: unknown[] = [];
    const output = stderr();
    const { write } = output;
    output.write = (text: unknown) => written.push(text) > 0;
    try {
      program.logger.warn("used tok-from-environment, not tok-from-file");
    } finally {
      output.write = write;
    }
    expect(written.join("")).toEndWith(" level=warn : used [REDACTED], not [REDACTED]\n");
  });

  test("are recognized by writeOnly of other schema libraries, at any depth", async () => {
    const schema: StandardSchemaV1 = {
      "~standard": {
        version: 1,
        vendor: "ours",
        validate: (value) => ({ value }),
        jsonSchema: {
          input: () => ({
            type: "object",
            properties: {
              servers: {
                type: "array",
                items: { type: "object", properties: { key: { type: "string", writeOnly: true } } },
              },
              port: { type: "integer", default: 1 },
            },
          }),
        },
      } as StandardSchemaV1["~standard"],
    };
    const other: Plugin = { name: "other", config: schema, flags: { port: "port" }, setup() {} };
    const program = await load({
      builtIns: [other],
      argv: ["--port", "8"],
      files: yaml("plugins: { other: { servers: [{ key: abc }] } }"),
    });
    const servers = program.config.options.find(({ key }) => key === "plugins.other.servers");
    expect(servers).toMatchObject({ secret: true, value: [{ key: "abc" }] });
    expect(program.config.of("other")).toEqual({ port: 8, servers: [{ key: "abc" }] });
  });
});
