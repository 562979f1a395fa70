import {
  check,
  definePlugin,
  executor,
  type Hook,
  type Logger,
  type PluginContext,
  toMessage,
} from "signalman";
import { createLazyExecutor } from "signalman/executor";
import { createBusyJobs } from "./agent/busy-jobs.ts";
import type { HandOverPlace } from "./agent/hand-over.ts";
import type { Client } from "./client/client.ts";
import { createConnector } from "./client/connector.ts";
import { config, type KubernetesConfig } from "./config.ts";
import { createLeftJobs, type LeftJobs } from "./left-jobs.ts";
import { toSettings } from "./settings.ts";

/** Runs each job in a pod of its own. */
export default definePlugin({
  name: "kubernetes",
  description: "runs jobs in Kubernetes pods",
  config,
  flags: Object.fromEntries(
    (Object.keys(config.entries) as (keyof KubernetesConfig)[]).map((name) => [`kubernetes-${name}`, name]),
  ),
  setup(ctx, options) {
    const connect = createConnector(process.env, ctx.log);
    let leftJobs: LeftJobs | undefined;
    let stateDirectory: string | undefined;
    const place = { env: process.env, logger: ctx.log, signal: ctx.signal };
    const handOver = () => ({
      stateDirectory,
      isHandingOver: options["hand-over"],
      owner: options.owner || undefined,
    });
    ctx.provide(executor, "kubernetes", {
      takesAllJobs: options.executor,
      // Nothing of a job runs on this host.
      appliesUser: true,
      resumes: true,
      enforcesLimits: ["memoryBytes", "cpus"],
      sharedAddress: async () => process.env["KUBERNETES_POD_IP"] || undefined,
      create: (context) =>
        createLazyExecutor(async () => {
          const { createKubernetesExecutor } = await import("./executor.ts");
          return createKubernetesExecutor(context, { settings: toSettings(options), connect });
        }),
      // Without the option and without recorded jobs, no job has run in a pod, and a cluster may not exist.
      cleanUp: async (context) => {
        if (options.executor || context.jobId !== undefined || leftJobs?.list().length)
          await (await import("./clean-up.ts")).cleanUp(connect, context, leftJobs);
      },
    });
    ctx.provide(check, "kubernetes", {
      run: async (context) => (await import("./checks/checks.ts")).checkKubernetes(options, context),
    });
    ctx.hook("agent:start", ({ status }) => {
      toSettings(options);
      stateDirectory = status?.().stateDirectory;
      if (stateDirectory !== undefined) leftJobs = createLeftJobs(stateDirectory);
      if (!options.executor) return;
      const report = async () =>
        (await import("./agent/start-report.ts")).reportAtStart(connect, { ...place, ...handOver() });
      report().catch((error: unknown) => ctx.log.debug(toMessage(error)));
    });
    if (options.executor && process.env["KUBERNETES_SERVICE_HOST"])
      attendOwnPod(ctx, { connect, place, handOver });
    ctx.hook("agent:job-ended", async ({ job }) => {
      if (!options.executor && job.executor !== "kubernetes") return;
      try {
        // Recorded first, because the agent may exit before the objects are deleted.
        leftJobs?.add(job.id);
      } catch (error) {
        ctx.log.warn(
          `could not record job "${job.id}" for the clean-up at the agent's next start: ${toMessage(error)}`,
        );
      }
      const { removeLater } = await import("./clean-up.ts");
      removeLater(connect, job.id, { signal: ctx.signal, logger: ctx.log, leftJobs }).catch(
        (error: unknown) => ctx.log.warn(toMessage(error)),
      );
    });
  },
});

interface OwnPodOptions {
  readonly connect: () => Promise<Client>;
  readonly place: Pick<PluginContext, "signal"> & {
    readonly env: NodeJS.ProcessEnv;
    readonly logger: Logger;
  };
  readonly handOver: () => HandOverPlace & { readonly isHandingOver: boolean };
}

/** Adds what concerns the pod in which the agent runs. Outside of a cluster there is none, and nothing is loaded. */
function attendOwnPod(ctx: PluginContext, { connect, place, handOver }: OwnPodOptions): void {
  const jobs = createBusyJobs(async () =>
    (await import("./agent/busy-mark.ts")).createBusyMark(connect, place),
  );
  const { owner } = handOver();
  let lease: AsyncDisposable | undefined;
  const takeLease: Hook<"agent:start"> = async () => {
    const { stateDirectory } = handOver();
    // Only where jobs' pods outlive the agent's, another agent can continue them.
    if (owner === undefined || stateDirectory === undefined) return;
    const { holdLease } = await import("./lease/agent-lease.ts");
    const end = () => process.exit(1);
    lease = await holdLease(connect, { ...place, owner, stateDirectory, isBusy: jobs.isBusy, end });
  };
  ctx.hook("agent:start", takeLease, { timeoutMs: leaseWaitMs });
  ctx.defer(async () => lease?.[Symbol.asyncDispose]());
  ctx.hook("agent:start", () => jobs.update());
  const react: Hook<"agent:interrupted"> = async (interruption) => {
    const { reactToInterrupt } = await import("./agent/interruption.ts");
    await reactToInterrupt(connect, interruption, { ...place, ...handOver() });
  };
  ctx.hook("agent:interrupted", react, { timeoutMs: interruptMs });
  for (const name of ["agent:job-started", "agent:job-resumed"] as const)
    ctx.hook(name, ({ jobId }) => jobs.add(jobId));
  ctx.hook("agent:job-ended", ({ jobId }) => jobs.remove(jobId));
}

/** The agent's container is started again after it. */
const leaseWaitMs = 600_000;

/** Time to ask the cluster, and for commands that cannot be left to another process now. */
const interruptMs = 30_000;
