import * as fs from "node:fs";
import { join } from "node:path";
import { openJobStore } from "../../../../src/agent/job-store.ts";
import { createSpool } from "../../../../src/job/log/spool.ts";
import { closeJob } from "../../../../src/job/end/close-job.ts";
import { toJobRequest } from "../../../../src/job/request/parse.ts";
import { openStateDirectory } from "../../../../src/os/state/directory.ts";
import { writeDocument, createSlotState } from "../../../../src/os/state/document.ts";
import { takeLock } from "../../../../src/os/state/lock.ts";
import { silentLogger } from "../../../../src/testing/index.ts";
import { finished, output, started } from "../../../job/log/fixtures.ts";
import type { Outside } from "./mutations.ts";

export const agentName = "org.example.com";

/** Released jobs in the template, with the result of each. */
export const releasedJobs = new Map([
  ["done-0", "passed"],
  ["done-1", "failed"],
]);

/**
 * Writes the state directory of an agent with two slots: a reported job, a running one and one whose process
 * is dead in each.
 */
export function writeTemplate(directory: string): void {
  fs.mkdirSync(directory, { mode: 0o700 });
  using state = openStateDirectory({ directory, env: {}, agent: agentName });
  for (const slot of [0, 1]) {
    const documents = createSlotState(state.slot(slot));
    documents.put("registration", { name: "agent", token: "sealed", settings: {} });
    documents.put("assignment", { jobId: `running-${slot}` });
    fs.mkdirSync(join(state.slot(slot), "run"), { mode: 0o700 });
    const store = openJobStore({
      directory: join(state.slot(slot), "jobs"),
      keptLogs: { maxBytes: 2 ** 30, maxAgeMs: 1e12 },
      holdState: () => {},
      logger: silentLogger,
    });
    for (const id of ["done", "running", "dead"].map((name) => `${name}-${slot}`)) {
      const path = store.create(id);
      const { request } = toJobRequest({ job_id: id, commands: ["echo hello"] });
      store.write(request, {
        version: 1,
        pid: 1,
        bootId: "another",
        socket: join(state.slot(slot), "run", "a.sock"),
        secret: "secret",
        cookie: { name: `SIGNALMAN_JOB_${slot}_x`, value: "0".repeat(32) },
      });
      writeSpool(join(path, "events.ndjson"));
      writeDocument(join(path, "delivery.json"), { event: 1, offset: 0 }, { sync: "never" });
      takeLock(join(path, "lock"))?.[Symbol.dispose]();
      fs.writeFileSync(join(path, "process.log"), "");
      if (!id.startsWith("done")) continue;
      const known = {
        result: slot === 0 ? "passed" : "failed",
        times: { startedAt: 1, finishedAt: 2 },
        durationMs: 1,
        log: { events: 0, bytes: 0, droppedBytes: 0 },
      } as const;
      closeJob({ directory: path, jobId: id, kind: "died", reason: "over", arrival: {}, known });
      store.release(id);
    }
  }
}

function writeSpool(path: string): void {
  using spool = createSpool(path, { diskLimitBytes: 2 ** 30, fsyncIntervalMs: 0 });
  spool.append(started("echo hello"));
  for (let line = 0; line < 50; line += 1) spool.append(output(`line ${line}\n`));
  spool.append(finished("echo hello"));
}

/** Creates what nothing may touch, and listens on the socket in it until disposal. */
export function createOutside(path: string): Outside & Disposable {
  fs.mkdirSync(join(path, "directory", "agents"), { recursive: true });
  fs.writeFileSync(join(path, "file"), '{"version":1,"document":{"secret":"of another"}}');
  fs.writeFileSync(join(path, "directory", "file"), "text");
  fs.writeFileSync(join(path, "directory", "events.ndjson"), '{"event":"job_started","timestamp":1}\nhalf');
  const specials = ["fifo", "silent.sock"].map((name) => join(path, name));
  Bun.spawnSync(["mkfifo", specials[0]!]);
  const server = Bun.listen({ unix: specials[1]!, socket: { data() {} } });
  const device = join(path, "zero");
  // Only root may, and not in every container.
  if (Bun.spawnSync(["mknod", device, "c", "1", "5"], { stderr: "ignore" }).success) specials.push(device);
  return { path, specials, [Symbol.dispose]: () => server.stop(true) };
}

/** Describes everything below a directory that a program could change: kinds, modes, owners, sizes and contents. */
export function takeSnapshot(path: string): string {
  return fs
    .readdirSync(path, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const entry = join(path, name);
      const { mode, uid, gid, size, mtimeMs } = fs.lstatSync(entry);
      const isFile = (mode & fs.constants.S_IFMT) === fs.constants.S_IFREG;
      return [name, mode, uid, gid, size, mtimeMs, isFile ? fs.readFileSync(entry, "utf8") : ""].join(" ");
    })
    .join("\n");
}
