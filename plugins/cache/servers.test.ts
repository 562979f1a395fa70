import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { openServers, type ServersOptions } from "./servers.ts";

const other = "127.0.0.2";

async function open(options: Partial<ServersOptions> = {}) {
  const logger = createRecordingLogger();
  const servers = await openServers({
    handler: (exchange) => exchange.send(200, "jobs"),
    localHandler: (exchange) => exchange.send(200, "this host"),
    hosts: { shell: "127.0.0.1", containers: other },
    listen: [],
    earlier: { url: "", urls: {} },
    logger,
    ...options,
  });
  return {
    ...servers,
    warnings: logger.entries.filter(({ level }) => level === "warn").map(({ message }) => message),
  };
}

describe("the servers of a cache", () => {
  test("have an address for each executor, and the operator's requests are answered at 127.0.0.1 only", async () => {
    await using servers = await open({ hosts: { shell: "127.0.0.1", containers: other, copies: other } });
    expect(servers.urls["shell"]).toBe(servers.url);
    expect(servers.urls["copies"]).toBe(servers.urls["containers"]!);
    expect(await (await fetch(servers.url)).text()).toBe("this host");
    expect(await (await fetch(servers.urls["containers"]!)).text()).toBe("jobs");
  });

  test("have the ports of the process before, each address its own", async () => {
    const first = await open();
    const { url, urls } = first;
    await first[Symbol.asyncDispose]();
    await using second = await open({ earlier: { url, urls } });
    expect([second.url, second.urls]).toEqual([url, urls]);
    await using third = await open({ earlier: { url, urls } });
    expect(new Set([third.url, third.urls["containers"], url, urls["containers"]]).size).toBe(4);
    expect(third.warnings.length).toBe(2);
  });

  test("leave an executor out whose address is not one of this host", async () => {
    await using servers = await open({ hosts: { containers: "192.0.2.1" } });
    expect(servers.urls).toEqual({});
    expect(servers.warnings).toEqual([
      expect.stringMatching(
        /^jobs of the executor "containers" do not reach the cache at 192\.0\.2\.1: .*does not have/,
      ),
    ]);
  });

  test("do not open without an address of cache-listen", async () => {
    await using first = await open();
    const port = Number(new URL(first.url).port);
    await expect(open({ listen: [{ host: "127.0.0.1", port }] })).rejects.toThrow(
      /cache-listen.*another process/,
    );
    await using second = await open({ listen: [{ host: other, port }] });
    expect(await (await fetch(`http://${other}:${port}`)).text()).toBe("jobs");
    expect(second.urls["containers"]).not.toContain(`:${port}`);
  });
});
