import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { findEndpoint } from "./endpoint.ts";
import { connectEngine } from "./engine.ts";
import { isGone, toEngineError } from "./errors.ts";

/** An engine that tells this version, and what it has been asked. */
async function serve(version: object) {
  const directory = await tmpdir();
  const socket = join(directory.path, "engine.sock");
  const paths: string[] = [];
  const server = Bun.serve({
    unix: socket,
    fetch(request) {
      const { pathname } = new URL(request.url);
      paths.push(pathname);
      return Response.json(pathname === "/version" ? version : { CgroupDriver: "none", CgroupVersion: "2" });
    },
  });
  return {
    paths,
    connect: () => connectEngine(findEndpoint({ DOCKER_HOST: `unix://${socket}` }), { timeoutMs: 60_000 }),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe("an engine", () => {
  test("that is too old is refused with its version and the required one", async () => {
    await using engine = await serve({ Version: "18.09.1", ApiVersion: "1.39" });
    await expect(engine.connect()).rejects.toThrow(
      /^the Docker engine at "unix:.*" is too old: version 18\.09\.1, API 1\.39 \(expected API 1\.40, Docker 19\.03, or newer\)$/,
    );
  });

  test.each([
    [{ Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12" }, "/v1.41/info"],
    [{ Version: "40.0.0", ApiVersion: "1.99", MinAPIVersion: "1.44" }, "/v1.47/info"],
    [{ Version: "50.0.0", ApiVersion: "1.99", MinAPIVersion: "1.90" }, "/v1.90/info"],
  ])("of version %p is called by %p, and its cgroup driver is read once", async (version, path) => {
    await using engine = await serve(version);
    const connected = await engine.connect();
    const answers = await Promise.all([connected.cgroups(), connected.cgroups()]);
    const cgroups = { driver: "none", version: "2" } as const;
    expect(answers).toEqual([cgroups, cgroups]);
    expect(engine.paths).toEqual(["/version", path]);
  });
});

describe("the error of a call", () => {
  const endpoint = findEndpoint({ DOCKER_HOST: "unix:///run/engine.sock" });

  test.each([
    [
      "EACCES",
      'the agent\'s user is not allowed to open "unix:///run/engine.sock": add the user to the group "docker"',
    ],
    ["ECONNREFUSED", 'no Docker engine answers at "unix:///run/engine.sock": start it'],
    ["ETIMEDOUT", 'the Docker engine at "unix:///run/engine.sock" does not answer'],
    ["ECONNRESET", 'broken (engine "unix:///run/engine.sock")'],
  ])("with the code %p names a remedy or the engine", (code, text) => {
    const error = Object.assign(new Error("broken"), { code });
    expect(toEngineError(error, "list images", endpoint).message).toStartWith(`cannot list images: ${text}`);
  });
});

test.each([
  ["ECONNREFUSED", "unix:///run/engine.sock", true],
  ["ENOENT", "unix:///run/engine.sock", true],
  ["ETIMEDOUT", "unix:///run/engine.sock", false],
  ["ECONNREFUSED", "tcp://engine:2375", false],
])("a call that failed with %p to %p proves that the engine was gone: %p", (code, host, isProof) => {
  const endpoint = findEndpoint({ DOCKER_HOST: host });
  const error = toEngineError(Object.assign(new Error("broken"), { code }), "list images", endpoint);
  expect(isGone(error, endpoint)).toBe(isProof);
});
