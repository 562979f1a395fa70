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

describe("a FIFO that a job has put in the place of", () => {
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
