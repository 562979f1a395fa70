import { type HookEvents, type Logger, onAbort, toMessage, toSize, waitAtMost } from "signalman";
import { makeOwnDirectory } from "signalman/host";
import type { MirrorsConfig } from "../config.ts";
import type { MirrorMetrics } from "../metrics.ts";
import { type Origin, parseOrigin } from "../origin.ts";
import { createUpload, type Upload } from "../protocol/upload.ts";
import { createMirror } from "../store/mirror.ts";
import type { Remote } from "../store/update.ts";
import { toRoot } from "../store/layout.ts";
import { writeSshCredentials } from "./credentials.ts";
import { type Door, openDoor } from "./door.ts";
import { serveSsh } from "./serve-ssh.ts";
import { sshCommand, sshScript } from "./ssh-script.ts";
import { createUses } from "./uses.ts";
import { readFirst } from "./variables.ts";

export interface JobMirrorsOptions {
  readonly config: MirrorsConfig;
  readonly metrics: MirrorMetrics;
  /** Resolves to `undefined` when jobs of the executor do not reach this process. */
  readonly findPlace: (executor: string) => Promise<JobPlace | undefined>;
  readonly logger: Logger;
}

/** Where a job reaches this process. */
export interface JobPlace {
  readonly host: string;
  /** Others than the job and this host may read what passes there. */
  readonly isShared: boolean;
}

/** The mirror as the commands of one job use it. */
export interface JobMirrors extends AsyncDisposable {
  /** Sets the variables of a command that checks out. Never rejects: the command then uses the origin. */
  start(event: HookEvents["command:start"]): Promise<void>;
  /** The command is over: the door is closed. */
  end(): void;
  /** Adds a block to the job's log when the mirror was used, or could not be. */
  report(event: HookEvents["job:finish"]): Promise<void>;
}

export function createJobMirrors({ config, metrics, findPlace, logger }: JobMirrorsOptions): JobMirrors {
  const uses = createUses(metrics, toSize);
  const opened = new AsyncDisposableStack();
  const over = new AbortController();
  let access: Promise<OpenAccess | string> | undefined;
  const refuse = (reason: string): void => {
    logger.info(`the job clones from its origin: ${reason}`);
    uses.passed(reason);
  };
  const open = async (event: HookEvents["command:start"]): Promise<OpenAccess | string> =>
    openAccess(event, { config, uses, findPlace, logger, refuse, opened, signal: over.signal });
  return {
    async start(event) {
      using _ = onAbort(event.signal, () => over.abort());
      try {
        const found = await (access ??= open(event));
        if (typeof found === "string") return;
        const variables = await found.toVariables(event);
        if (typeof variables === "string") return refuse(variables);
        found.door.isOpen = true;
        for (const [name, value] of Object.entries(variables))
          event.setVariable(name, value, {
            scope: "command",
            secret: value.includes(found.door.token),
            served: true,
          });
      } catch (error) {
        access = Promise.resolve(toMessage(error));
        logger.warn(`the job clones from its origin: ${toMessage(error)}`);
        uses.passed(toMessage(error));
      }
    },
    end() {
      void access?.then(
        (found) => typeof found !== "string" && (found.door.isOpen = false),
        () => {},
      );
    },
    async report({ log }) {
      const lines = uses.report();
      if (lines.length === 0) return;
      await log.command("Git mirror", (output) => {
        output(`${lines.join("\n")}\n`);
        return 0;
      });
    },
    async [Symbol.asyncDispose]() {
      const found = await access?.catch(() => undefined);
      // What has arrived is stored, so that the next job has it.
      if (typeof found === "object") await waitAtMost(found.stored(), storeMs);
      over.abort();
      await access?.catch(() => {});
      await opened.disposeAsync();
    },
  };
}

interface Access {
  readonly door: Door;
  /** Resolves to the variables of one command, or to the reason when it must do without the mirror. */
  toVariables(event: HookEvents["command:start"]): Promise<Readonly<Record<string, string>> | string>;
}

interface OpenAccess extends Access {
  /** Resolves when the mirror has stored what the job's clone has brought. */
  stored(): Promise<void>;
}

interface AccessOptions extends Omit<JobMirrorsOptions, "metrics"> {
  readonly uses: ReturnType<typeof createUses>;
  /** Notes why the job does without the mirror. */
  readonly refuse: (reason: string) => void;
  readonly opened: AsyncDisposableStack;
  readonly signal: AbortSignal;
}

/** Opens a door for the job; resolves to the reason when it gets none. */
async function openAccess(
  event: HookEvents["command:start"],
  options: AccessOptions,
): Promise<OpenAccess | string> {
  const { config, uses, logger, findPlace } = options;
  const refuse = (reason: string): string => {
    options.refuse(reason);
    return reason;
  };
  const { job, agent, executor } = event;
  const url = readFirst(job, "SEMAPHORE_GIT_URL");
  // A job without a repository, or one of `run`, has nothing to mirror.
  if (url === undefined || url === "") return "the job has no SEMAPHORE_GIT_URL";
  if (agent.stateDirectory === undefined && config.path === "") return "no agent keeps mirrors";
  const origin = parseOrigin(url);
  if (typeof origin === "string") return refuse(origin);
  const found = await findPlace(executor);
  if (found === undefined) return refuse(`jobs of the executor "${executor}" do not reach this agent`);
  // Objects would pass in clear, as would the token that opens the door to them.
  if (found.isShared && !origin.host.startsWith("https://"))
    return refuse(`jobs of the executor "${executor}" are served repositories over https only`);
  const { host } = found;
  const root = makeOwnDirectory(toRoot(config.path, agent.stateDirectory ?? ""));
  const mirror = createMirror({ root, size: config.size, url: origin.url, logger });
  options.opened.defer(() => mirror.settled());
  const open = (remote: Remote): Upload =>
    createUpload({ mirror, remote, uses, logger, waitMs, signal: options.signal });
  const place: Place = { origin, host, root, job, open };
  const access = await (origin.kind === "ssh" ? openSsh(place, options) : openHttp(place, options));
  return typeof access === "string" ? refuse(access) : { ...access, stored: () => mirror.stored() };
}

interface Place extends Pick<HookEvents["command:start"], "job"> {
  readonly origin: Origin;
  /** Where the job reaches this process. */
  readonly host: string;
  readonly root: string;
  readonly open: (remote: Remote) => Upload;
}

async function openSsh(
  { origin, host, root, job, open }: Place,
  { uses, logger, opened, signal }: AccessOptions,
): Promise<Access | string> {
  const credentials = await writeSshCredentials(job, root);
  if (typeof credentials === "string") return credentials;
  const { words } = opened.use(credentials);
  const remote: Remote = {
    url: origin.url,
    env: {
      GIT_SSH_COMMAND: words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" "),
      GIT_SSH_VARIANT: "ssh",
    },
  };
  const serve = { origin, words, createUpload: () => open(remote), uses, signal };
  const door = opened.use(
    await openDoor(host, { ssh: (socket, source, given) => serveSsh(socket, source, given, serve) }, logger),
  );
  return {
    door,
    toVariables: async () => ({
      GIT_MIRROR_SSH: sshScript,
      GIT_MIRROR_ADDRESS: door.address,
      GIT_MIRROR_TOKEN: door.token,
      GIT_CONFIG_PARAMETERS: `'core.sshCommand=${sshCommand}' 'ssh.variant=ssh' 'protocol.version=2'`,
    }),
  };
}

async function openHttp(place: Place, options: AccessOptions): Promise<Access | string> {
  const { openHttpAccess } = await import("./http-access.ts");
  return openHttpAccess(place, options);
}

export type { Access, AccessOptions, Place };

/** Together with the connection of 30 s, a hanging origin costs less than two minutes. */
const waitMs = 80_000;
/** A plugin has 5 s to clean up. */
const storeMs = 4000;
