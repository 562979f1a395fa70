import { expect, test } from "bun:test";
import { type HttpServerOptions, openHttpServer } from "../../../src/http.ts";
import { silentLogger } from "../../../src/testing/index.ts";

const limits = { connections: 8, requestMs: 5000, idleMs: 5000 };
const address = { kind: "tcp", host: "127.0.0.1", port: 0 };
const valid = { address, option: "--listen", limits, logger: silentLogger };
const yes = async () => "yes";

test.each<[string, unknown, string]>([
  ["no options", undefined, '"options" is missing: it must be an object'],
  ["an unknown member", { ...valid, limit: limits }, 'has an unknown member "limit" (nearest: limits)'],
  ["no limits", { ...valid, limits: undefined }, '"options.limits" is missing: it must be an object'],
  [
    "a limit of another type",
    { ...valid, limits: { ...limits, idleMs: "5s" } },
    '"options.limits.idleMs" must be a number of milliseconds from 1 to 2147483647, not "5s"',
  ],
  [
    "an infinite time",
    { ...valid, limits: { ...limits, idleMs: Infinity } },
    '"options.limits.idleMs" must be a number of milliseconds from 1 to 2147483647, not Infinity',
  ],
  [
    "no number",
    { ...valid, limits: { ...limits, connections: NaN } },
    "must be a number of at least 1, not NaN",
  ],
  [
    "a misspelt limit",
    { ...valid, limits: { ...limits, stalMs: 1 } },
    '"options.limits" has an unknown member "stalMs" (nearest: stallMs)',
  ],
  [
    "another kind",
    { ...valid, address: { ...address, kind: "tpc" } },
    '"options.address.kind" must be "tcp" or "unix", not "tpc"',
  ],
  [
    "a port out of range",
    { ...valid, address: { ...address, port: 65_536 } },
    '"options.address.port" must be a whole number from 0 to 65535, not 65536',
  ],
  [
    "a port in a text",
    { ...valid, address: { ...address, port: "80" } },
    '"options.address.port" must be a whole number from 0 to 65535, not "80"',
  ],
  ["a socket without a path", { ...valid, address: { kind: "unix" } }, '"options.address.path" is missing'],
  [
    "an address in a text",
    { ...valid, address: "127.0.0.1:80" },
    '"options.address" must be an object, not "127.0.0.1:80"',
  ],
  [
    "no logger",
    { ...valid, logger: undefined },
    '"options.logger" is missing: it must be a logger, such as ctx.log',
  ],
  ["half a certificate", { ...valid, tls: { cert: "a" } }, '"options.tls.key" is missing'],
  [
    "names in a text",
    { ...valid, hosts: { names: "a", option: "--hosts" } },
    '"options.hosts.names" must be a list of texts, not "a"',
  ],
])("%s: the error names the culprit", async (_, options, message) => {
  const opened = openHttpServer(options as HttpServerOptions, yes);
  await expect(opened).rejects.toMatchObject({
    code: "PLUGIN_INVALID",
    message: expect.stringContaining(message),
  });
});

test("a handler that is no function is refused", () =>
  expect(openHttpServer(valid as HttpServerOptions, undefined as never)).rejects.toThrow(
    'openHttpServer: "handler" is missing: it must be a function',
  ));
