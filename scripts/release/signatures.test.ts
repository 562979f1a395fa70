import { expect, test } from "bun:test";
import { appendFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { run } from "./run.ts";
import { readKeys, sign, verify } from "./signatures.ts";

async function makeKey(file: string, type = "ed25519"): Promise<void> {
  run(["ssh-keygen", "-q", "-t", type, "-N", "", "-f", file]);
}

test("a file that was signed is verified with the key of the release, and with no other, nor when it was changed", async () => {
  await using place = await tmpdir();
  const at = (name: string) => path.join(place.path, name);
  await makeKey(at("key"));
  await makeKey(at("next"));
  const keys = await readKeys({
    SIGNALMAN_SIGNING_KEY: at("key"),
    SIGNALMAN_NEXT_PUBLIC_KEY: at("next.pub"),
  });
  expect(keys.publicKeys.map((key) => key.split(" ").length)).toEqual([2, 2]);
  await writeFile(at("SHA256SUMS"), "# signalman 1.2.3\n");
  sign(at("SHA256SUMS"), at("key"));
  await verify(at("SHA256SUMS"), keys.publicKeys);
  await expect(verify(at("SHA256SUMS"), keys.publicKeys.slice(1))).rejects.toThrow("failed with status 255");
  await appendFile(at("SHA256SUMS"), "\n");
  await expect(verify(at("SHA256SUMS"), keys.publicKeys)).rejects.toThrow("failed with status 255");
});

test("a key of another type is refused, with the command that makes the right one", async () => {
  await using place = await tmpdir();
  const file = path.join(place.path, "key");
  await makeKey(file, "ecdsa");
  await expect(readKeys({ SIGNALMAN_SIGNING_KEY: file })).rejects.toThrow(
    `"${file}" is no Ed25519 key: ssh-keygen -t ed25519 makes one`,
  );
});

test("without a key nothing is signed, and the next key is still known", async () => {
  await using place = await tmpdir();
  await makeKey(path.join(place.path, "next"));
  const keys = await readKeys({ SIGNALMAN_NEXT_PUBLIC_KEY: path.join(place.path, "next.pub") });
  expect(keys.privateKey).toBeUndefined();
  expect(keys.publicKeys).toHaveLength(1);
});
