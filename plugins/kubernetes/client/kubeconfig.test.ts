import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { loadConnection } from "./connection.ts";

const toConfig = (cluster: object, user: object) =>
  JSON.stringify({
    "current-context": "one",
    contexts: [{ name: "one", context: { cluster: "one", user: "one" } }],
    clusters: [{ name: "one", cluster: { server: "https://cluster.invalid", ...cluster } }],
    users: [{ name: "one", user }],
  });

async function createPlace() {
  const place = await tmpdir();
  const fifo = join(place.path, "fifo");
  await Bun.$`mkfifo ${fifo}`;
  const file = join(place.path, "config");
  return { place, fifo, file, load: () => loadConnection({ KUBECONFIG: file }) };
}

describe("a FIFO in the place of", () => {
  test("the configuration is refused with its path", async () => {
    const { place, fifo } = await createPlace();
    await using _place = place;
    expect(loadConnection({ KUBECONFIG: fifo })).rejects.toThrow(
      `"${fifo}" cannot be read: it is a FIFO, and a file is expected`,
    );
  });

  test("a token's file is refused with its path", async () => {
    const { place, fifo, file, load } = await createPlace();
    await using _place = place;
    writeFileSync(file, toConfig({}, { "token-file": fifo }));
    expect(load()).rejects.toThrow(`"${fifo}" cannot be read: it is a FIFO, and a file is expected`);
  });

  test.each(["certificate-authority", "client-certificate", "client-key"])(
    "the file of %s is refused with its path, also later",
    async (key) => {
      const { place, fifo, file, load } = await createPlace();
      await using _place = place;
      const named = { [key]: "later" };
      writeFileSync(file, toConfig(named, named));
      const connection = await load();
      await Bun.$`mv ${fifo} ${join(place.path, "later")}`;
      expect(connection.authorize()).rejects.toThrow("it is a FIFO, and a file is expected");
    },
  );
});

test("files beside the configuration are read", async () => {
  await using place = await tmpdir();
  writeFileSync(join(place.path, "token"), "abc");
  writeFileSync(join(place.path, "ca"), "certificate");
  const file = join(place.path, "config");
  writeFileSync(
    file,
    toConfig({ "certificate-authority": "ca" }, { "token-file": join(place.path, "token") }),
  );
  const { headers, tls } = await (await loadConnection({ KUBECONFIG: file })).authorize();
  expect(headers["Authorization"]).toBe("Bearer abc");
  expect(String(tls.ca)).toBe("certificate");
});

test.each([
  ["an environment of its own", [{ name: "REGION", value: "eu" }]],
  ["none", undefined],
])("a credential plugin with %s gets no secrets of the agent", async (_, env) => {
  await using place = await tmpdir();
  const file = join(place.path, "config");
  const script = `echo "{\\"status\\":{\\"token\\":\\"<$SEMAPHORE_AGENT_TOKEN$REGION$KEPT>\\"}}"`;
  writeFileSync(file, toConfig({}, { exec: { command: "sh", args: ["-c", script], env } }));
  const load = new URL("./connection.ts", import.meta.url).pathname;
  const program = `const { loadConnection } = await import(${JSON.stringify(load)});
    const { headers } = await (await loadConnection(process.env)).authorize();
    console.log(headers.Authorization);`;
  const variables = { KUBECONFIG: file, SEMAPHORE_AGENT_TOKEN: "secret", KEPT: "kept" };
  const { KUBERNETES_SERVICE_HOST: _host, ...rest } = process.env;
  const output = await Bun.$`${process.execPath} -e ${program}`.env({ ...rest, ...variables }).text();
  expect(output.trim()).toBe(`Bearer <${env === undefined ? "" : "eu"}kept>`);
});
