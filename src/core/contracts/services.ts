import type { Admission } from "./admission.ts";
import type { Check } from "./check.ts";
import type { ExecutorFactory } from "./executor.ts";
import type { ExecutorWrapper } from "./executor-wrapper.ts";
import type { JobBoardViewer } from "./job-board.ts";
import type { JobCommandHandler } from "./job-command.ts";
import type { JobPolicy } from "./job-policy.ts";
import type { JobSource } from "./job-source.ts";
import type { LogBackendFactory } from "./log-backend.ts";
import type { LogFilterFactory } from "./log-filter.ts";
import type { LogSinkFactory } from "./log-sink.ts";

/** A typed token for a kind of service. The type parameter is never read at run time. */
export interface Service<T extends object> extends ServiceOptions<T> {
  /** Unique, in kebab-case: `"executor"`, or `"acme/cache"` for a plugin's own. */
  readonly id: string;
  readonly type?: T;
}

export interface ServiceOptions<T extends object> {
  /** Methods that every provider must have. What they throw names the plugin. */
  readonly methods?: readonly (keyof T & string)[];
  /** Methods that a provider may have. What they throw names the plugin. */
  readonly optional?: readonly (keyof T & string)[];
  /** Methods that create further objects, with the methods of these objects, which are treated alike. */
  readonly factories?: { readonly [K in keyof T & string]?: readonly string[] };
  /** Types of other members: `string`, `list` or another `typeof`; with `?` the member may be left out. */
  readonly data?: { readonly [K in keyof T & string]?: string };
  /** What names of providers match, and the same in words: `one word`. Left out: any text. */
  readonly names?: { readonly pattern: RegExp; readonly rule: string };
  /** The processes that use the service. A provider that does not run in all of them is refused. */
  readonly processes?: readonly ("agent" | "job")[];
}

/** Creates a service token. Tokens with the same id are one service: copies of a plugin's package agree. */
export function defineService<T extends object>(id: string, options: ServiceOptions<T> = {}): Service<T> {
  return { id, ...options };
}

/** Decides whether slots take jobs. Provided under a name of its own: `disk-guard`. */
export const admission = defineService<Admission>("admission", { methods: ["check"], processes: ["agent"] });

/** A check of `signalman doctor`. Provided under a name of its own: `login-profile`. */
export const check = defineService<Check>("check", { methods: ["run"] });

/** An executor. Provided under the wire's name: `shell`, `dockercompose`, `kubernetes`. */
export const executor = defineService<ExecutorFactory>("executor", {
  optional: ["cleanUp", "prepareLimits", "hostAddress", "sharedAddress"],
  factories: {
    create: ["start", "exportEnvironment", "injectFiles", "run", "stop", "openSession", "usage", "putAnswer"],
  },
  data: {
    takesAllJobs: "boolean?",
    acceptsCommandPrefix: "boolean?",
    appliesUser: "boolean?",
    enforcesLimits: "list?",
  },
  // The agent cleans up after jobs and prepares this host for their limits.
  processes: ["agent", "job"],
});

/** A wrapper of every job's executor. Provided under a name of its own: `sandbox`. */
export const executorWrapper = defineService<ExecutorWrapper>("executor-wrapper", {
  optional: ["commandPrefix", "wrap"],
  data: { executors: "list?" },
  processes: ["job"],
});

/** Shows the agents, jobs and logs of a hub or an agent. Provided under a name of its own: `page`. */
export const jobBoardViewer = defineService<JobBoardViewer>("job-board-viewer", {
  methods: ["open"],
  processes: ["agent"],
});

/** A command for a job's own processes. Provided under the command's name: `redact`. */
export const jobCommand = defineService<JobCommandHandler>("job-command", {
  methods: ["run"],
  data: { timeoutMs: "number?" },
  // Jobs call it by this name: in JSON, in paths of HTTP and on command lines.
  names: {
    pattern: /^[a-z0-9][a-z0-9-]*$/,
    rule: 'one word of lower-case letters, digits and hyphens, as in "mask-count"',
  },
  processes: ["job"],
});

/** Decides which jobs run. Provided under a name of its own: `repositories`. */
export const jobPolicy = defineService<JobPolicy>("job-policy", { methods: ["check"], processes: ["job"] });

/** A source of jobs. Provided under the name of the control plane: `semaphore`. */
export const jobSource = defineService<JobSource>("job-source", {
  methods: ["run"],
  data: { identity: "string" },
  processes: ["agent"],
});

/** A log backend. Provided under the request's log method: `push`, `pull`. */
export const logBackend = defineService<LogBackendFactory>("log-backend", {
  factories: { open: ["run"] },
  processes: ["agent"],
});

/** A filter of every job's output. Provided under a name of its own: `redact`. */
export const logFilter = defineService<LogFilterFactory>("log-filter", {
  factories: { open: ["push", "flush", "text", "addVariable", "counts"] },
  processes: ["job"],
});

/** A mirror of every job's log. Provided under a name of its own. */
export const logSink = defineService<LogSinkFactory>("log-sink", {
  factories: { open: ["run"] },
  processes: ["agent"],
});
