// A minimal control plane that records the time of each call, so that its own running time hardly affects the
// results.

export interface Call {
  /** `register`, `sync/<state>`, `fetch`, `log`, … */
  readonly endpoint: string;
  /** Time of arrival in unix milliseconds, with fractions. */
  readonly at: number;
  readonly jobId: string;
  /** Body of a log push. */
  readonly text: string;
}

export interface ControlPlane extends Disposable {
  readonly endpoint: string;
  /** Returns the interval between two syncs. */
  intervalMs: () => number;
  /** Whether pushed events are counted only, and not recorded. */
  isQuiet: boolean;
  readonly logBytes: number;
  /**
   * Assigns a job to the next waiting agent, in the order of the calls. Resolves with the time of the answer.
   */
  run(jobId: string, commands: readonly string[]): Promise<number>;
  /** Answers the next sync with `stop-job`. Resolves with the time of the answer. */
  stop(jobId: string): Promise<number>;
  /** Shuts the agent down at its next sync. */
  shutdown(): void;
  /** Resolves with the first past or future call that matches. */
  until(test: (call: Call) => boolean): Promise<Call>;
  readonly calls: readonly Call[];
  clear(): void;
}

// oxlint-disable-next-line max-lines-per-function -- a whole control plane whose handlers share its state
export function createControlPlane(): ControlPlane {
  let calls: Call[] = [];
  let logBytes = 0;
  const queue: { id: string; commands: readonly string[]; answered(at: number): void }[] = [];
  let stopping: { id: string; answered(at: number): void } | undefined;
  let isShuttingDown = false;
  const waiting = new Set<{ test: (call: Call) => boolean; resolve(call: Call): void }>();
  const bodies = new Map<string, object>();

  const record = (endpoint: string, jobId: string, text = ""): void => {
    const call = { endpoint, at: now(), jobId, text };
    calls.push(call);
    for (const waiter of waiting) {
      if (!waiter.test(call)) continue;
      waiting.delete(waiter);
      waiter.resolve(call);
    }
  };

  const sync = ({ state, job_id }: { state: string; job_id: string }): object => {
    record(`sync/${state}`, job_id);
    const next_sync_after = plane.intervalMs();
    if (state === "waiting-for-jobs" && isShuttingDown)
      return { action: "shutdown", shutdown_reason: "requested" };
    const job = state === "waiting-for-jobs" ? queue.shift() : undefined;
    if (job !== undefined) {
      const { id, commands, answered } = job;
      const url = `http://${plane.endpoint}/api/v1/logs/${id}`;
      bodies.set(id, {
        job_id: id,
        commands: commands.map((directive) => ({ directive })),
        env_vars: [{ name: "CI", value: btoa("true") }],
        logger: { method: "push", url, token: "a-log-token" },
      });
      answered(now());
      return { action: "run-job", job_id: id, next_sync_after };
    }
    if (state === "finished-job") return { action: "wait-for-jobs", next_sync_after };
    if (job_id !== "" && stopping?.id === job_id) {
      stopping.answered(now());
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
        record("log", name, plane.isQuiet ? "" : Buffer.from(body).toString());
        return new Response();
      }
      if (pathname.endsWith("/sync")) return Response.json(sync((await request.json()) as never));
      if (pathname.includes("/jobs/")) {
        record("fetch", name);
        return Response.json(bodies.get(name));
      }
      record(name, "");
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
    run: (id, commands) => new Promise((answered) => void queue.push({ id, commands, answered })),
    stop: (id) => new Promise((answered) => void (stopping = { id, answered })),
    shutdown: () => void (isShuttingDown = true),
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
