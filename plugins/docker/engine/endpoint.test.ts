import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { compare } from "./engine.ts";
import { findEndpoint } from "./endpoint.ts";

describe("the engine is found", () => {
  test("at the address of DOCKER_HOST", () => {
    expect(findEndpoint({ DOCKER_HOST: "unix:///run/mine.sock" })).toMatchObject({
      socketPath: "/run/mine.sock",
      connection: { socketPath: "/run/mine.sock" },
    });
    expect(findEndpoint({ DOCKER_HOST: "tcp://engine.test" })).toMatchObject({
      host: "tcp://engine.test:2375",
      socketPath: undefined,
      connection: { host: "engine.test", port: 2375, protocol: "http" },
    });
  });

  test("over TLS, with the certificates of DOCKER_CERT_PATH", async () => {
    await using directory = await tmpdir();
    for (const name of ["ca", "cert", "key"]) writeFileSync(join(directory.path, `${name}.pem`), name);
    const env = {
      DOCKER_HOST: "tcp://engine.test:1234",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: directory.path,
    };
    expect(findEndpoint(env).connection).toEqual({
      host: "engine.test",
      port: 1234,
      protocol: "https",
      ca: "ca",
      cert: "cert",
      key: "key",
    });
    expect(() => findEndpoint({ ...env, DOCKER_CERT_PATH: "/nowhere" })).toThrow('"/nowhere/ca.pem"');
  });

  test("by the current context of the docker configuration, and by that of DOCKER_CONTEXT", async () => {
    await using home = await tmpdir();
    writeContext(join(home.path, ".docker"), "one", "unix:///one.sock");
    writeContext(join(home.path, ".docker"), "two", "unix:///two.sock");
    writeFileSync(join(home.path, ".docker/config.json"), JSON.stringify({ currentContext: "one" }));
    const env = { HOME: home.path };
    expect(findEndpoint(env).socketPath).toBe("/one.sock");
    expect(findEndpoint({ ...env, DOCKER_CONTEXT: "two" }).socketPath).toBe("/two.sock");
    expect(findEndpoint({ ...env, DOCKER_HOST: "unix:///x" }).socketPath).toBe("/x");
    expect(() => findEndpoint({ ...env, DOCKER_CONTEXT: "three" })).toThrow(
      'docker context "three" not found',
    );
  });

  test("without waiting for a configuration that is not a regular file: the error names it", async () => {
    await using home = await tmpdir();
    const file = join(home.path, ".docker/config.json");
    await Bun.$`mkdir ${join(home.path, ".docker")} && mkfifo ${file}`;
    expect(() => findEndpoint({ HOME: home.path })).toThrow(
      `the Docker configuration "${file}" cannot be read: it is a FIFO, and a file is expected; remove it, or set DOCKER_CONFIG`,
    );
  });

  test("only at supported addresses: another scheme is refused", () => {
    expect(() => findEndpoint({ DOCKER_HOST: "ssh://user@host" })).toThrow(
      '"ssh://user@host" is not supported',
    );
  });
});

test("versions of the API are compared as numbers", () => {
  expect(compare("1.9", "1.40")).toBeLessThan(0);
  expect(compare("2.0", "1.47")).toBeGreaterThan(0);
  expect(compare("1.41", "1.41")).toBe(0);
});

function writeContext(directory: string, name: string, host: string): void {
  const id = createHash("sha256").update(name).digest("hex");
  const place = join(directory, "contexts/meta", id);
  mkdirSync(place, { recursive: true });
  const meta = { Name: name, Endpoints: { docker: { Host: host } } };
  writeFileSync(join(place, "meta.json"), JSON.stringify(meta));
}
