import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { encodeBase64 } from "../../src/core/text/base64.ts";
import { parseJobRequest, toJobRequest } from "../../src/job/request/parse.ts";

async function parse(text: string) {
  return await parseJobRequest(text, { name: "job.yaml" });
}

function plain(env: readonly { name: string; value: string }[]): [string, string][] {
  return env.map(({ name, value }) => [name, Buffer.from(value, "base64").toString()]);
}

describe("by hand", () => {
  test("a request of one command has every list and every default", async () => {
    const { request, ignored } = await parse("commands: [make]");
    expect(request.id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4/);
    expect({ ...request, id: "" }).toEqual({
      id: "",
      name: "",
      executor: "shell",
      env: [],
      files: [],
      commands: [{ directive: "make", alias: "" }],
      epilogueAlways: [],
      epilogueOnPass: [],
      epilogueOnFail: [],
      containers: [],
      imagePullCredentials: [],
      hostSetupCommands: [],
      sshPublicKeys: [],
      callbacks: { finished: "", teardownFinished: "", token: "" },
      logger: { method: "pull", url: "", token: "", maxSizeInBytes: 0 },
    });
    expect(ignored).toEqual([]);
  });

  test("generated ids are unique", async () => {
    expect((await parse("commands: []")).request.id).not.toBe((await parse("commands: []")).request.id);
  });

  test("values of variables are kept character by character", async () => {
    const { request } = await parse(
      "commands: []\nenv:\n  A: 0600\n  B: True\n  C: 1.0\n  D:\n  E: 12345678901234567890\n  constructor: x\n  F: |\n    two\n    lines\n  G: 'no'\n  H: 0x1F\n",
    );
    expect(plain(request.env)).toEqual([
      ["A", "0600"],
      ["B", "True"],
      ["C", "1.0"],
      ["D", ""],
      ["E", "12345678901234567890"],
      ["constructor", "x"],
      ["F", "two\nlines\n"],
      ["G", "no"],
      ["H", "0x1F"],
    ]);
  });

  test("JSON keeps the digits of its numbers too", async () => {
    const { request } = await parse(
      '{"commands": [], "env": {"A": 1.0, "B": 12345678901234567890, "C": true}}',
    );
    expect(plain(request.env).map(([, value]) => value)).toEqual(["1.0", "12345678901234567890", "true"]);
  });

  test.each([
    ["0600", "0600"],
    ["0o600", "0600"],
    ["600", "0600"],
    ['"0600"', "0600"],
    ["'0o600'", "0600"],
    ["0755", "0755"],
    ["1777", "1777"],
    ["", "0644"],
    ["null", "0644"],
  ])("a mode of %s is %s", async (written, mode) => {
    const { request } = await parse(`commands: []\nfiles:\n  - path: a\n    text: b\n    mode: ${written}\n`);
    expect(request.files).toEqual([{ path: "a", content: encodeBase64("b"), mode }]);
  });

  test("an empty mode stays empty, because the executor refuses it", () => {
    const { request } = toJobRequest({ commands: [], files: [{ path: "a", content: "Yg==", mode: "" }] });
    expect(request.files).toEqual([{ path: "a", content: "Yg==", mode: "" }]);
  });

  test("a command may be text, several lines, a bare true, or have an alias", async () => {
    const { request } = await parse(
      "commands:\n  - a\n  - |\n    b\n    c\n  - true\n  - {directive: d, alias: D}\n",
    );
    expect(request.commands).toEqual([
      { directive: "a", alias: "" },
      { directive: "b\nc\n", alias: "" },
      { directive: "true", alias: "" },
      { directive: "d", alias: "D" },
    ]);
  });

  test("containers can be written by hand as well", async () => {
    const { request } = await parse(
      "commands: []\nexecutor: dockercompose\ncompose:\n  containers:\n    - {name: main, image: alpine, user: 1000, env: {A: b}, files: [{path: p, text: t}]}\n  host_setup_commands: [id]\n",
    );
    expect(request.containers).toEqual([
      {
        name: "main",
        image: "alpine",
        command: "",
        entrypoint: "",
        user: "1000",
        env: [{ name: "A", value: encodeBase64("b") }],
        files: [{ path: "p", content: encodeBase64("t"), mode: "0644" }],
      },
    ]);
    expect(request.hostSetupCommands).toEqual([{ directive: "id", alias: "" }]);
  });

  test("unknown keys are ignored and reported", async () => {
    const { ignored } = await parse(
      "commands: [{directive: a, timeout: 3}]\nagent: {machine: x}\ncompose: {version: 2}\n",
    );
    expect(ignored).toEqual(["commands[0].timeout", "compose.version", "agent"]);
  });

  test("anchors and merges work", async () => {
    const { request } = await parse("base: &base {A: 1}\ncommands: []\nenv: {<<: *base, B: 2}\n");
    expect(plain(request.env).sort()).toEqual([
      ["A", "1"],
      ["B", "2"],
    ]);
  });
});

describe("on the wire", () => {
  test("the example of the protocol is parsed", async () => {
    const { request, ignored } = await parse(
      await Bun.file(`${import.meta.dir}/../../docs/examples/wire.json`).text(),
    );
    expect(request.id).toBe("7f3c9a52-1d0e-4c7b-9b57-2f6d0a8e41c3");
    expect(plain(request.env).filter(([name]) => name === "NAME")).toEqual([
      ["NAME", "first"],
      ["NAME", "wire"],
    ]);
    expect(request.files).toEqual([
      { path: ".signalman-wire", content: encodeBase64("It came in base64.\n"), mode: "0600" },
    ]);
    expect(request.logger.method).toBe("push");
    expect(request.callbacks.teardownFinished).toStartWith("https://broker.example.com/teardown_finished/");
    expect(ignored).toEqual([]);
  });

  test("null means absent, everywhere", () => {
    const { request } = toJobRequest({
      job_id: "x",
      commands: null,
      executor: null,
      compose: null,
      logger: { method: null, max_size_in_bytes: null },
      callbacks: { token: null },
      env_vars: [{ name: "A", value: null }],
      files: [{ path: "p", content: null, mode: null }],
      ssh_public_keys: null,
    });
    expect(request).toMatchObject({
      commands: [],
      executor: "shell",
      env: [{ name: "A", value: "" }],
      containers: [],
    });
    expect(request.files).toEqual([{ path: "p", content: "", mode: "0644" }]);
  });

  test("base64 and modes are not validated before they are used", () => {
    const { request } = toJobRequest({
      commands: [],
      env_vars: [{ name: "1 bad name", value: "{SANITIZED}" }],
      files: [{ path: "p", content: "{SANITIZED}", mode: "rw-r--r--" }],
    });
    expect(request.env).toEqual([{ name: "1 bad name", value: "{SANITIZED}" }]);
    expect(request.files).toEqual([{ path: "p", content: "{SANITIZED}", mode: "rw-r--r--" }]);
  });

  test("env and env_vars, files and file are merged; hand-written keys take precedence", async () => {
    const { request } = await parse(
      "commands: []\nenv: {A: hand}\nenv_vars: [{name: A, value: d2lyZQ==}]\nfile: [{path: b, content: ''}]\nfiles: [{path: a, content: ''}]\n",
    );
    expect(plain(request.env)).toEqual([
      ["A", "wire"],
      ["A", "hand"],
    ]);
    expect(request.files.map(({ path }) => path)).toEqual(["a", "b"]);
  });

  test("an error in a parsed request has its path", () => {
    expect(() => toJobRequest({ commands: [{ directive: 3 }] }, { name: "request of the hub" })).toThrow(
      '"request of the hub" is not a job request:\n  commands[0].directive: expected text, got a number',
    );
  });
});

test("a job in hand-written YAML or JSON and in the wire format is the same request", async () => {
  const { stringify } = await import("yaml");
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const job = fc.record({
    id: fc.uuid(),
    name: text,
    env: fc
      .dictionary(text, text)
      .map((env) => Object.entries(env).map(([name, value]) => ({ name, text: value }))),
    files: fc.array(fc.record({ path: text, text, mode: fc.constantFrom("0644", "0600") }), { maxLength: 3 }),
    commands: fc.array(fc.record({ directive: text, alias: text }), { maxLength: 3 }),
    epilogue: fc.array(text, { maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(job, async ({ id, name, env, files, commands, epilogue }) => {
      const wire = {
        job_id: id,
        job_name: name,
        env_vars: env.map(({ name, text }) => ({ name, value: encodeBase64(text) })),
        files: files.map(({ path, text, mode }) => ({ path, content: encodeBase64(text), mode })),
        commands,
        epilogue_always_commands: epilogue.map((directive) => ({ directive })),
      };
      const hand = {
        id,
        name,
        env: Object.fromEntries(env.map(({ name, text }) => [name, text])),
        files,
        commands: commands.map(({ directive, alias }) => (alias === "" ? directive : { directive, alias })),
        epilogue_always_commands: epilogue,
      };
      const expected = toJobRequest(wire);
      expect(await parse(JSON.stringify(wire))).toEqual(expected);
      expect(await parse(JSON.stringify(hand))).toEqual(expected);
      expect(await parse(stringify(hand))).toEqual(expected);
    }),
  );
});
