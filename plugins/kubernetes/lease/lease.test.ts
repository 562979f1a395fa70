import { describe, expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { createRecordingLogger, tmpdir } from "signalman/testing";
import { refusal, startApiServer } from "../testing/api-server.ts";
import { acquireLease, keepLease } from "./lease.ts";
import { createLeaseFile, toLeaseFile, viewLease } from "./lease-file.ts";
import { createLeaseCalls, type Lease, machineAnnotation } from "./lease-object.ts";

const timing = { validMs: 1500, renewMs: 20, retryMs: 20, pollMs: 20 };
const holder = { identity: "agent-0/a", machine: "kernel/1" };

/** An API server with one Lease, which refuses writes of those who have not seen its last version. */
function startServer(first?: Partial<NonNullable<Lease["spec"]>>, machine = "kernel/2") {
  const state = { lease: undefined as Lease | undefined, status: 200, reads: 0, writes: 0 };
  let version = 0;
  const put = (spec: object, annotation: string) => {
    version += 1;
    const metadata = {
      name: "l",
      resourceVersion: String(version),
      annotations: { [machineAnnotation]: annotation },
    };
    state.lease = { metadata, spec: { ...state.lease?.spec, ...spec } };
  };
  if (first) put(first, machine);
  const server = startApiServer(({ method, body }) => {
    if (method === "GET") state.reads += 1;
    if (state.status !== 200) return refusal(state.status, "No", "no");
    if (method === "GET") return state.lease ? Response.json(state.lease) : refusal(404, "NotFound", "none");
    const { metadata, spec } = JSON.parse(body) as Lease & { spec: object };
    const isOld =
      state.lease !== undefined && metadata.resourceVersion !== state.lease.metadata.resourceVersion;
    if (isOld) return refusal(409, "Conflict", "changed");
    state.writes += 1;
    put(spec, metadata.annotations?.[machineAnnotation] ?? "");
    return Response.json(state.lease);
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  const calls = createLeaseCalls(server.client, { name: "l", durationMs: 60_000, owner: undefined, signal });
  const logger = createRecordingLogger();
  return {
    state,
    put,
    options: { calls, holder, logger, signal, timing },
    logger,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("the lease of a state directory", () => {
  test("is created, and counts its transitions", async () => {
    await using server = startServer();
    const before = performance.now();
    const { lease, until } = await acquireLease(server.options);
    expect(lease.spec).toMatchObject({ holderIdentity: "agent-0/a", leaseTransitions: 1 });
    expect(until).toBeWithin(before + timing.validMs, performance.now() + timing.validMs + 1);
  });

  test("is taken at once when it was released, or when its holder had the same locks", async () => {
    await using released = startServer({ leaseTransitions: 4 });
    expect((await acquireLease(released.options)).lease.spec?.leaseTransitions).toBe(5);
    await using dead = startServer({ holderIdentity: "agent-0/b" }, "kernel/1");
    await acquireLease(dead.options);
    expect(dead.logger.entries).toEqual([]);
  });

  test("of a holder elsewhere is taken only when that has not renewed it for its duration", async () => {
    const first = { holderIdentity: "agent-0/b", leaseDurationSeconds: 1, renewTime: "0" };
    await using server = startServer(first);
    let renewals = 0;
    const renewing = setInterval(() => {
      renewals += 1;
      if (renewals === 15) clearInterval(renewing);
      server.put({ renewTime: String(renewals) }, "kernel/2");
    }, 100);
    await acquireLease(server.options);
    expect(renewals).toBe(15);
    expect(server.logger.entries.map(({ message }) => message)).toEqual([
      expect.stringContaining("waiting until it has not renewed it for 1 s"),
    ]);
  });

  test("is not taken without the right, which rejects, and waits for a server that does not answer", async () => {
    await using server = startServer();
    server.state.status = 503;
    const taking = acquireLease(server.options);
    for (const status of [500, 503, 500]) {
      const { reads } = server.state;
      while (server.state.reads < reads + 2) await Bun.sleep(5);
      server.state.status = status;
    }
    server.state.status = 403;
    await expect(taking).rejects.toMatchObject({ status: 403 });
    // Once, although the errors change.
    expect(server.logger.entries.map(({ message }) => message)).toEqual([
      expect.stringContaining("the lease of the state directory is not available: "),
    ]);
  });

  test("is neither taken nor kept with a token that the server refuses, as after the deletion of the agent's pod", async () => {
    await using server = startServer();
    server.state.status = 401;
    const taking = acquireLease(server.options);
    while (server.state.reads < 5) await Bun.sleep(5);
    expect(server.logger.entries.map(({ message }) => message)).toEqual([
      expect.stringContaining("the lease of the state directory is not available: "),
    ]);
    server.state.status = 200;
    const held = await taking;
    server.state.status = 401;
    expect(await keepLease(held, { ...server.options, onRenewed() {} })).toContain(
      "could not be renewed for",
    );
  });

  test("is lost to an agent that has taken it", async () => {
    await using server = startServer();
    const held = await acquireLease(server.options);
    let renewals = 0;
    const onRenewed = () => {
      renewals += 1;
      if (renewals === 3) server.put({ holderIdentity: "agent-0/b" }, "kernel/2");
    };
    expect(await keepLease(held, { ...server.options, onRenewed })).toBe('"agent-0/b" has taken it');
  });

  test("is kept through an outage that ends in time, a lost response and a deletion", async () => {
    await using server = startServer();
    const held = await acquireLease(server.options);
    const steps = [
      () => void (server.state.status = 500),
      () => server.put({}, "kernel/1"),
      () => void (server.state.lease = undefined),
    ];
    const done = Promise.withResolvers<void>();
    const onRenewed = () => {
      const step = steps.shift();
      if (!step) return done.resolve();
      step();
      if (server.state.status === 500) setTimeout(() => (server.state.status = 200), 100);
    };
    const lost = keepLease(held, { ...server.options, onRenewed });
    expect(await Promise.race([lost, done.promise])).toBeUndefined();
    lost.catch(() => {});
  });

  test("is lost when it could not be renewed in time, as after a suspension", async () => {
    await using server = startServer();
    const held = await acquireLease(server.options);
    server.state.status = 500;
    expect(await keepLease(held, { ...server.options, onRenewed() {} })).toContain(
      "could not be renewed for",
    );
  });
});

describe("the file for processes of jobs", () => {
  test("shows the validity of the lease, and its end for good", async () => {
    await using directory = await tmpdir();
    const path = toLeaseFile(directory.path);
    expect(viewLease(path)).toBeUndefined();
    const file = createLeaseFile(path, "agent-0/a");
    file.extend(60_000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const view = viewLease(path)!;
    expect(view.findEnd()).toBeUndefined();
    file.expire();
    // The last look at the file counts for its time.
    expect(view.findEnd()).toBeUndefined();
    view.refresh();
    expect(view.findEnd()).toBe("the agent's lease has ended");
    file.extend(60_000);
    view.refresh();
    expect(view.findEnd()).toBe("the agent's lease has ended");
  });

  test("is that of another agent once this one has taken the lease, which the earlier agent cannot change", async () => {
    await using directory = await tmpdir();
    const path = toLeaseFile(directory.path);
    const first = createLeaseFile(path, "agent-0/a");
    first.extend(60_000);
    const view = viewLease(path)!;
    const second = createLeaseFile(path, "agent-0/b");
    second.extend(60_000);
    const heir = viewLease(path)!;
    view.refresh();
    expect(view.findEnd()).toBe("another agent has taken the lease of the state directory");
    first.expire();
    heir.refresh();
    expect(heir.findEnd()).toBeUndefined();
  });

  test("ends the view when something else has its name", async () => {
    await using directory = await tmpdir();
    const path = toLeaseFile(directory.path);
    createLeaseFile(path, "agent-0/a").extend(60_000);
    const view = viewLease(path)!;
    writeFileSync(path, "other");
    view.refresh();
    expect(view.findEnd()).toContain("another agent");
  });
});
