import { createTextStart, type ExecutorContext, type Output, toMessage } from "signalman";
import { removeJob } from "./clean-up.ts";
import type { Client } from "./client/client.ts";
import { openSession, type PodSession } from "./open-session.ts";
import { mainContainer } from "./pod/build-pod.ts";
import { toNames } from "./pod/names.ts";
import { prepare, type Prepared } from "./prepare.ts";
import type { KubernetesSettings } from "./settings.ts";
import { createUsageReader, type UsageReader } from "./usage.ts";
import { type PodWatch, watchPod } from "./wait/pod-watch.ts";

/** A job's pod, its secrets and its session. Disposal deletes all of them; it never throws. */
export interface JobPod extends AsyncDisposable {
  /** `undefined` until the session is open. */
  readonly open: PodSession | undefined;
  readonly usage: UsageReader | undefined;
  /** Creates everything, in two blocks of the job's log. Resolves to 0, or to 1 when a block shows what failed. */
  create(signal: AbortSignal): Promise<number>;
  /** Resolves to the path of these bytes in the pod: in the job's secret, or uploaded now. */
  bring(bytes: Uint8Array): Promise<string>;
}

export interface JobPodOptions {
  readonly settings: KubernetesSettings;
  /** Connects to the API server; throws with the reason when that is not configured. */
  readonly connect: () => Promise<Client>;
}

/** Milliseconds to keep trying to delete a job's objects before the agent's process takes over. */
const removalMs = 5000;

export function createJobPod(context: ExecutorContext, { settings, connect }: JobPodOptions): JobPod {
  const { job, log, logger } = context;
  const names = toNames(job.id);
  const cleanup = new AsyncDisposableStack();
  let prepared: Prepared | undefined;
  let open: PodSession | undefined;
  let usage: UsageReader | undefined;

  async function createObjects(output: Output, signal: AbortSignal): Promise<Client | undefined> {
    try {
      const client = await connect();
      cleanup.defer(() => removeObjects(client));
      prepared = await prepare({ client, context, settings, names, output, signal });
      return prepared && client;
    } catch (error) {
      if (!signal.aborted) output(`${toMessage(error)}\n`);
      return undefined;
    }
  }

  async function startSession(
    client: Client,
    watch: PodWatch,
    output: Output,
    signal: AbortSignal,
  ): Promise<number> {
    try {
      open = cleanup.use(await openSession({ client, context, settings, watch, output, signal }));
      return await showIdentity(open, output);
    } catch (error) {
      if (!signal.aborted) output(`${toMessage(error)}\n`);
      return 1;
    }
  }

  async function removeObjects(client: Client): Promise<void> {
    try {
      await removeJob(client, names, { retryMs: removalMs });
    } catch (error) {
      logger.warn(
        `pod "${names.pod}" and its secrets could not be deleted: ${toMessage(error)}; the agent tries again`,
      );
    }
  }

  return {
    get open() {
      return open;
    },
    get usage() {
      return usage;
    },
    async create(signal) {
      let client: Client | undefined;
      await log.command("Creating Kubernetes resources for job...", async (output) => {
        client = await createObjects(output, signal);
        return client ? 0 : 1;
      });
      if (!client || !prepared) return 1;
      const connected = client;
      const watch = cleanup.use(watchPod(connected, prepared.pod, logger));
      usage = createUsageReader(connected, { pod: names.pod, container: mainContainer });
      return log.command("Starting shell session...", (output) =>
        startSession(connected, watch, output, signal),
      );
    },
    bring: async (bytes) => prepared?.secret.find(bytes) ?? (await open!.files.put("file", bytes)),
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}

/** Shows the job's user and working directory (protocol section 7). Resolves to the exit code of the block. */
async function showIdentity({ session }: PodSession, output: Output): Promise<number> {
  const questions = [
    ["whoami", "User", "Failed to determine user"],
    ["id", "User identity", "Failed to determine user identity"],
    ["pwd", "Working directory", "Failed to determine working directory"],
  ] as const;
  for (const [command, title, failure] of questions) {
    const start = createTextStart(64 * 1024);
    const code = await session.run(command, start.add, { silent: true });
    output(code === 0 ? `${title}: ${start.text.trimEnd()}\n` : `${failure}\n`);
    // A user id without a name is valid: an image may run under an arbitrary number.
    if (code !== 0 && command !== "whoami") return 1;
  }
  return 0;
}
