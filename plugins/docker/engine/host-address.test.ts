import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { findHostAddress } from "./host-address.ts";

let directory: Awaited<ReturnType<typeof tmpdir>>;
beforeAll(async () => void (directory = await tmpdir()));
afterAll(() => directory[Symbol.asyncDispose]());

async function findAt(status: number, answer: unknown): Promise<string | undefined> {
  const path = join(directory.path, `${crypto.randomUUID().slice(0, 8)}.sock`);
  await using _ = Bun.serve({
    unix: path,
    fetch: ({ url }) =>
      new URL(url).pathname === "/networks/bridge"
        ? Response.json(answer, { status })
        : new Response("", { status: 500 }),
  });
  return await findHostAddress({ DOCKER_HOST: `unix://${path}` });
}

test("the gateway of the engine's default bridge is the host's address", async () => {
  const config = [
    { Subnet: "fd00::/64", Gateway: "fd00::1" },
    { Subnet: "172.17.0.0/16", Gateway: "172.17.0.1" },
  ];
  expect(await findAt(200, { IPAM: { Config: config } })).toBe("172.17.0.1");
});

test.each([
  ["without a gateway", 200, { IPAM: { Config: [{ Subnet: "172.17.0.0/16" }] } }],
  ["without a configuration", 200, { IPAM: { Config: null } }],
  ["that does not exist", 404, { message: "network bridge not found" }],
])("a bridge %s has no address", async (_, status, answer) => {
  expect(await findAt(status, answer)).toBeUndefined();
});

test("an engine elsewhere, and one that is not installed, have no address", async () => {
  expect(await findHostAddress({ DOCKER_HOST: "tcp://engine.invalid:2375" })).toBeUndefined();
  const missing = join(directory.path, "missing.sock");
  expect(await findHostAddress({ DOCKER_HOST: `unix://${missing}` })).toBeUndefined();
});

test("an engine that does not answer is named", async () => {
  const path = join(directory.path, "dead.sock");
  await Bun.write(path, "");
  await expect(findHostAddress({ DOCKER_HOST: `unix://${path}` })).rejects.toThrow(
    `the Docker engine at "unix://${path}" does not answer`,
  );
});
