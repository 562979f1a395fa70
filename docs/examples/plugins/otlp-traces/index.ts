import { createHash } from "node:crypto";
import { definePlugin, type JobSpan, toMessage, v } from "signalman";

interface Span extends JobSpan {
  /** Place in the trace, as `job/commands/3`: the parent is the path without its last part. */
  readonly path: string;
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string | number>>;
  /** The message of its error; left out without one. */
  readonly error?: string | undefined;
}

/** Posts one trace for each job: from its assignment through its phases and blocks to its end. */
export default definePlugin({
  name: "otlp-traces",
  description: "posts a trace of each job to an OpenTelemetry collector",
  config: v.strictObject({
    url: v.optional(v.pipe(v.string(), v.url(), v.description("Address of the OTLP/HTTP collector"))),
  }),
  flags: { "otlp-traces-url": "url" },
  setup(ctx, { url }) {
    if (url === undefined) return;
    const posting = new Set<Promise<void>>();
    // Hooks do not wait for the collector, so that it delays no job.
    const post = (jobId: string, spans: readonly Span[]): void => {
      const warn = (error: unknown) => ctx.log.warn(`trace could not be posted: ${toMessage(error)}`);
      const work = postSpans(url, jobId, spans).catch(warn);
      posting.add(work);
      void work.then(() => posting.delete(work));
    };
    ctx.defer(async () => void (await Promise.all(posting)));

    // The job's process: phases and blocks.
    const spans: Span[] = [];
    ctx.hook("job:phase", ({ phase, startedAt, durationMs, isOk }) => {
      const error = isOk ? undefined : "failed";
      spans.push({ path: `job/${phase}`, name: phase, startedAt, durationMs, error });
    });
    ctx.hook("job:block", ({ phase, directive, source, exitCode, startedAt, durationMs }) => {
      const belongsTo = source.kind === "plugin" ? source.plugin : source.kind;
      const attributes = { "signalman.source": belongsTo, "process.exit.code": exitCode };
      const error = exitCode === 0 ? undefined : `exit status ${exitCode}`;
      const path = `job/${phase}/${spans.length}`;
      spans.push({ path, name: directive, startedAt, durationMs, attributes, error });
    });
    ctx.hook("job:end", ({ job }) => post(job.id, spans.splice(0)));

    // The agent's process: the job itself, also when its process died.
    ctx.hook("agent:job-ended", ({ jobId, job, slot, result, times, cause }) => {
      const { startedAt, finishedAt, fetchedAt = startedAt, assignedAt = fetchedAt } = times;
      const span = (from: number, to: number): JobSpan => ({ startedAt: from, durationMs: to - from });
      const attributes = {
        "signalman.job": jobId,
        "signalman.slot": slot,
        "signalman.result": result,
        ...(cause && { "signalman.cause": cause.kind }),
      };
      post(jobId, [
        { path: "job", name: job.name, ...span(assignedAt, finishedAt), attributes, error: cause?.message },
        { path: "job/fetch", name: "fetch", ...span(assignedAt, fetchedAt) },
        { path: "job/start", name: "start", ...span(fetchedAt, startedAt) },
      ]);
    });
  },
});

async function postSpans(url: string, jobId: string, spans: readonly Span[]): Promise<void> {
  const resource = { attributes: toAttributes({ "service.name": "signalman" }) };
  const scopeSpans = [{ scope: { name: "signalman" }, spans: spans.map((span) => toOtlp(jobId, span)) }];
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] });
  const headers = { "content-type": "application/json" };
  // A clean-up has 5 s.
  const init = { method: "POST", headers, body, signal: AbortSignal.timeout(4000) };
  const response = await fetch(`${url.replace(/\/$/, "")}/v1/traces`, init);
  if (!response.ok) throw new Error(`the collector answered ${response.status}`);
}

function toOtlp(jobId: string, { path, name, startedAt, durationMs, attributes = {}, error }: Span) {
  // Both processes derive the same ids from that of the job.
  const toId = (of: string) => createHash("sha256").update(`${jobId}/${of}`).digest("hex");
  return {
    traceId: toId("trace").slice(0, 32),
    spanId: toId(path).slice(0, 16),
    ...(path !== "job" && { parentSpanId: toId(path.slice(0, path.lastIndexOf("/"))).slice(0, 16) }),
    name,
    kind: 1,
    startTimeUnixNano: `${Math.round(startedAt * 1000)}000`,
    endTimeUnixNano: `${Math.round((startedAt + durationMs) * 1000)}000`,
    attributes: toAttributes(attributes),
    status: error === undefined ? { code: 1 } : { code: 2, message: error },
  };
}

const toAttributes = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: `${value}` } : { stringValue: value },
  }));
