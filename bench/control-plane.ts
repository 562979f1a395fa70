// A control plane that does the least that an agent needs, and notes when each call came: what it takes itself is in no figure.

export interface Call {
  /** `register`, `sync/<state>`, `fetch`, `log`, … */
  readonly what: string;
  /** Unix milliseconds, with fractions. */
  readonly at: number;
  readonly jobId: string;
  /** Of a log's batch. */
  readonly text: string;
}

export interface ControlPlane extends Disposable {
  readonly endpoint: string;
  /** How long agents wait between two syncs; a function of nothing, so that it may vary. */
  intervalMs: () => number;
  /** Batches of logs are counted and not kept. */
  isQuiet: boolean;
  readonly logBytes: number;
  /** Gives a job to the next agent that waits. Resolves once the answer is on its way. */
  run(jobId: string, commands: readonly string[]): Promise<number>;
  /** Says `stop-job` in the answer to the next sync. */
  stop(jobId: string): Promise<number>;
  shutdown(): void;
  /** The first call, from now on or in the past, that is like this. */
  until(test: (call: Call) => boolean): Promise<Call>;
  readonly calls: readonly Call[];
  clear(): void;
}

export function createControlPlane(): ControlPlane {
  let calls: Call[] = [];
  let logBytes = 0;
  let job: { id: string; commands: readonly string[]; given(at: number): void } | undefined;
  let stopping: { id: string; given(at: number): void } | undefined;
  let isLeaving = false;
  const waiting = new Set<{ test: (call: Call) => boolean; resolve(call: Call): void }>();
  const bodies = new Map<string, object>();

  const note = (what: string, jobId: string, text = ""): void => {
    const call = { what, at: now(), jobId, text };
    calls.push(call);
    for (const one of waiting) {
      if (!one.test(call)) continue;
      waiting.delete(one);
      one.resolve(call);
    }
  };

  const sync = ({ state, job_id }: { state: string; job_id: string }): object => {
    note(`sync/${state}`, job_id);
    const next_sync_after = plane.intervalMs();
    if (state === "waiting-for-jobs" && isLeaving)
      return { action: "shutdown", shutdown_reason: "requested" };
    if (state === "waiting-for-jobs" && job !== undefined) {
      const { id, commands, given } = job;
      job = undefined;
      const url = `http://${plane.endpoint}/api/v1/logs/${id}`;
      bodies.set(id, {
        job_id: id,
        commands: commands.map((directive) => ({ directive })),
        env_vars: [{ name: "CI", value: btoa("true") }],
        logger: { method: "push", url, token: "a-log-token" },
      });
      given(now());
      return { action: "run-job", job_id: id, next_sync_after };
    }
    if (state === "finished-job") return { action: "wait-for-jobs", next_sync_after };
    if (job_id !== "" && stopping?.id === job_id) {
      stopping.given(now());
      stopping = undefined;
      return { action: "stop-job", job_id, next_sync_after };
    }
    return { action: "continue", next_sync_after };
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    maxRequestBodySize: 1 << 30,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const name = pathname.split("/").at(-1)!;
      if (pathname.includes("/logs/")) {
        const body = await request.bytes();
        logBytes += body.length;
        note("log", name, plane.isQuiet ? "" : Buffer.from(body).toString());
        return new Response();
      }
      if (pathname.endsWith("/sync")) return Response.json(sync((await request.json()) as never));
      if (pathname.includes("/jobs/")) {
        note("fetch", name);
        return Response.json(bodies.get(name));
      }
      note(name, "");
      return name === "register"
        ? Response.json({ name: "bench", token: "an-access-token" }, { status: 201 })
        : Response.json({ token: "a-log-token" });
    },
  });

  const plane: ControlPlane = {
    endpoint: `127.0.0.1:${server.port}`,
    intervalMs: () => 20,
    isQuiet: false,
    get logBytes() {
      return logBytes;
    },
    run: (id, commands) => new Promise((given) => void (job = { id, commands, given })),
    stop: (id) => new Promise((given) => void (stopping = { id, given })),
    shutdown: () => void (isLeaving = true),
    until(test) {
      const found = calls.find(test);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve) => waiting.add({ test, resolve }));
    },
    get calls() {
      return calls;
    },
    clear() {
      calls = [];
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
  return plane;
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
