import type { JobSource } from "signalman";
import type { ReportedResult, TestControlPlane } from "signalman/testing";
import * as v from "valibot";
import { config as schema } from "../config.ts";
import { createSemaphoreSource } from "../source.ts";
import { registrationToken, shortLimits, wireJob } from "./agent-double.ts";
import { type Answer, type Call, shutdown, startHub, sync } from "./hub-double.ts";

/** A hub that assigns queued jobs to its agent, for the contract suite of job sources. */
export async function createControlPlane(): Promise<TestControlPlane> {
  const hub = await startHub();
  const queue: string[] = [];
  const results: ReportedResult[] = [];
  const stops = new Set<string>();
  let failures = 0;
  let count = 0;

  const submit = (answer: Answer): string => {
    const jobId = `11111111-2222-4333-8444-${String(++count).padStart(12, "0")}`;
    queue.push(jobId);
    hub.script(`/jobs/${jobId}`, () => answer);
    return jobId;
  };
  const acknowledge = (jobId: string, result: ReportedResult["result"]): Answer | undefined => {
    if (failures > 0) {
      failures -= 1;
      return { status: 500 };
    }
    results.push({ jobId, result });
    return undefined;
  };
  hub.script("/sync", ({ body }: Call) => {
    const { state, job_id: jobId = "", interrupted_at: interruptedAt } = body as unknown as SyncBody;
    if (state === "finished-job") {
      const refused = acknowledge(jobId, body["job_result"] as ReportedResult["result"]);
      if (refused !== undefined) return refused;
      return interruptedAt > 0 ? shutdown("interrupted") : sync("continue");
    }
    if (state === "waiting-for-jobs") {
      if (interruptedAt > 0) return shutdown("interrupted");
      const next = queue.shift();
      return next === undefined ? sync("continue") : sync("run-job", { job_id: next });
    }
    return stops.delete(jobId) ? sync("stop-job", { job_id: jobId }) : sync("continue");
  });
  return {
    open: () => createSource({ endpoint: hub.endpoint, token: registrationToken }),
    submit: () => submit(wireJob({ job_id: undefined })),
    submitInvalid: () => submit(wireJob({ commands: 17 })),
    results: () => results,
    stop: (jobId) => void stops.add(jobId),
    failReports: (times) => void (failures = times),
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

/** A source that cannot start, since it has no registration token. */
export function createBrokenSource(): JobSource {
  return createSource({ endpoint: "127.0.0.1:9", token: "" });
}

interface SyncBody {
  readonly state: string;
  readonly job_id?: string;
  readonly interrupted_at: number;
}

function createSource(options: v.InferInput<typeof schema>): JobSource {
  const config = v.parse(schema, { "no-https": true, ...shortLimits, ...options });
  return createSemaphoreSource({ config, env: {}, argv: [] });
}
