import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { jobSource } from "signalman";
import { createRecordingLogger, testPlugin, tmpdir } from "signalman/testing";
import * as v from "valibot";
import { generateName, isUrlName } from "./agent-name.ts";
import { config as schema } from "./config.ts";
import plugin from "./index.ts";
import { toSystemName, toWireArch } from "./machine-facts.ts";
import { loadSettings } from "./settings.ts";
import { createSemaphoreSource } from "./source.ts";

const needed = { endpoint: "acme.semaphoreci.com", token: "secret-token" };

test("the plugin provides the job source, and every option has a flag", async () => {
  await using t = await testPlugin(plugin, { roles: ["agent"] });
  expect(t.services).toContainEqual({ service: "job-source", name: "semaphore" });
  expect(t.use(jobSource, "semaphore").identity).toBe("");
  expect(Object.keys(plugin.flags ?? {}).toSorted()).toEqual(Object.keys(schema.entries).toSorted());
});

describe("start rejects", () => {
  test.each([
    [{ token: "t" }, "Semaphore endpoint was not specified. Exiting..."],
    [{ endpoint: "a.test" }, "Agent registration token was not specified. Exiting..."],
    [
      { ...needed, "job-id": "x" },
      "job-id can only be used if disconnect-after-job is also used. Exiting...",
    ],
    [{ ...needed, "disconnect-after-idle-timeout": -1 }, "Idle timeout can't be negative. Exiting..."],
    [
      { ...needed, name: "short" },
      "Agent name validation failed: name should have between 8 and 80 characters. 'short' has 5",
    ],
    [
      { ...needed, "name-from-env": "NOT_SET" },
      "Agent name validation failed: name should have between 8 and 80 characters. '' has 0",
    ],
    [{ ...needed, endpoint: "https://acme.test" }, "expected host or host:port"],
    [{ ...needed, "token-file": "/a/file" }, '"token" and "token-file" exclude each other'],
    [{ endpoint: "a.test", "token-file": "/not/there" }, 'token-file "/not/there" cannot be read'],
    [{ ...needed, "ca-file": "/not/there" }, 'ca-file "/not/there" cannot be read'],
  ])("%o", async (config, message) => {
    const error = await load(config).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(message) });
  });

  test("all faults at once, without showing the token", async () => {
    const error = await load({ token: "a secret\nin lines", "disconnect-after-idle-timeout": -1 }).catch(
      String,
    );
    expect(error).toContain("endpoint was not specified");
    expect(error).toContain("token does not contain a token (expected printable characters without spaces)");
    expect(error).toContain("can't be negative");
    expect(error).not.toContain("secret");
  });
});

describe("the token", () => {
  test("may be in a file", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "token");
    await Bun.write(path, "from-a-file\n");
    const { token } = await load({ endpoint: "a.test", "token-file": path });
    expect(token).toBe("from-a-file");
  });

  test.each(["--token x", "--token=x"])("on the command line is a warning: %s", async (words) => {
    const logger = createRecordingLogger();
    await load(needed, { logger, argv: words.split(" ") });
    expect(logger.entries).toMatchObject([
      { level: "warn", message: expect.stringContaining("every user of this host") },
    ]);
  });
});

describe("the name", () => {
  test("from a variable is read, with one warning that this is deprecated", async () => {
    const logger = createRecordingLogger();
    const { name } = await load(
      { ...needed, "name-from-env": "MY_NAME" },
      { logger, env: { MY_NAME: "from-the-env" } },
    );
    expect(name).toBe("from-the-env");
    expect(logger.entries).toMatchObject([{ level: "warn", message: expect.stringContaining("deprecated") }]);
  });

  test("has precedence over the variable", async () => {
    const { name } = await load({ ...needed, name: "given-name", "name-from-env": "NOT_SET" });
    expect(name).toBe("given-name");
  });

  test.each([
    "https://sts.amazonaws.com/?Action=x",
    "/",
    "/a/b",
    "urn:x",
    "a:1",
    "*",
    "https://u:p@h:1/x%20y",
    "http://[::1]:80/",
  ])("%s is a URL", (name) => expect(isUrlName(name)).toBe(true));

  test.each(["plain-name", "a/b", "", "1a:b", ":x", "/bad%zz", "http://h:port/", "http://a b/", "/a\u0001"])(
    "%s is not a URL",
    (name) => expect(isUrlName(name)).toBe(false),
  );

  test("is generated with 20 characters, different each time", () => {
    const names = Array.from({ length: 50 }, generateName);
    expect(new Set(names).size).toBe(50);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{20}$/);
  });

  test("and the endpoint identify an agent, without the signature of a URL", () => {
    const identityOf = (name: string) =>
      createSemaphoreSource({ config: v.parse(schema, { ...needed, name }), env: {}, argv: [] }).identity;
    expect(identityOf("my-agent")).toBe("acme.semaphoreci.com my-agent");
    expect(identityOf("https://sts.amazonaws.com/?X-Amz-Signature=abc")).toBe("acme.semaphoreci.com");
  });
});

test("the system's name is the PRETTY_NAME or NAME of the first file that has one", () => {
  expect(toSystemName(['NAME="Debian"\nPRETTY_NAME="Debian 12"', ""])).toBe("Debian 12");
  expect(toSystemName(["ID=x\nNAME=Arch", ""])).toBe("Arch");
  expect(toSystemName(["", "NAME='LSB thing'"])).toBe("LSB thing");
  expect(toSystemName(["", ""])).toBe("");
});

test.each([
  ["x64", "x86_64"],
  ["ia32", "x86"],
  ["arm64", "arm64"],
  ["riscv64", "riscv64"],
])("%s is %s on the wire", (arch, wire) => {
  expect(toWireArch(arch)).toBe(wire);
});

function load(
  config: v.InferInput<typeof schema>,
  {
    logger = createRecordingLogger(),
    argv = [] as string[],
    env = {} as Record<string, string>,
    slot = 0,
    slots = 1,
  } = {},
) {
  return loadSettings(v.parse(schema, config), { env, argv, logger, slot, slots });
}
