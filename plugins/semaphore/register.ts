import { AgentError, type Logger } from "signalman";
import { createHubClient, type Failure } from "./client.ts";
import { readMachineFacts } from "./machine-facts.ts";
import type { Registration, RegistrationStore } from "./registration.ts";
import { retry } from "./retry.ts";
import type { Settings } from "./settings.ts";

export interface RegisterOptions {
  readonly settings: Settings;
  readonly store: RegistrationStore;
  readonly version: string;
  readonly logger: Logger;
  /** Aborts when the agent shuts down. */
  readonly signal: AbortSignal;
  /**
   * The agent was registered before, and has been paused. It tries again as long as the control plane holds its
   * name (400) or limits the rate (429), and after other failures for `sync-give-up`, with a growing interval.
   */
  readonly isAgain: boolean;
}

/**
 * Registers, with the same name in every attempt (protocol section 2.1). Returns `undefined` when `signal`
 * has aborted.
 */
export async function register(options: RegisterOptions): Promise<Registration | undefined> {
  const { settings, store, version, logger, signal, isAgain } = options;
  const { terms, limits, endpoint } = settings;
  const { count, intervalMs } = limits.register;
  if (settings.name === undefined) logger.info("Agent name was not assigned - using a random one.");
  const request = { ...terms, ...(await readMachineFacts()), name: store.chooseName() };
  const client = createHubClient({
    ...settings,
    version,
    timeoutMs: limits.requestTimeoutMs,
    maxBodyBytes: limits.maxBodyBytes,
  });
  logger.info("Registering Agent");
  let logged = { reason: "", at: 0 };
  const reply = await retry(() => client.register(request, signal), {
    attempts: { count: isAgain ? Infinity : count, intervalMs },
    ...(isAgain && {
      longestIntervalMs: Math.max(intervalMs, longestIntervalMs),
      canRecover: createPatience(limits.syncGiveUpMs),
    }),
    signal,
    onRetry(failure, attempt) {
      const reason = explain(failure, request.name, settings);
      const at = performance.now();
      if (reason === logged.reason && at - logged.at < minuteMs) return;
      logged = { reason, at };
      const total = isAgain ? "" : ` of ${count}`;
      logger.warn(`registration failed: ${reason} (attempt ${attempt}${total})`, { endpoint });
    },
  });
  if (reply.ok) {
    const registration = { name: reply.value.name, accessToken: reply.value.token, terms };
    store.put(registration);
    logger.info(`registered as ${registration.name}`, { endpoint });
    return registration;
  }
  if (signal.aborted) return undefined;
  const effort = isAgain ? "again" : `in ${count} attempts`;
  throw new AgentError(
    "CONTROL_PLANE_FAILED",
    `failed to register agent with "${endpoint}" ${effort}: ${explain(reply.failure, request.name, settings)}`,
  );
}

/** Returns whether to try again: without a limit while the control plane asks for patience. */
function createPatience(giveUpMs: number): (failure: Failure) => boolean {
  let failingSince: number | undefined;
  return (failure) => {
    if (failure.status === 429 || isNameTaken(failure)) {
      failingSince = undefined;
      return true;
    }
    failingSince ??= performance.now();
    return performance.now() - failingSince <= giveUpMs;
  };
}

/** Adds the remedy to the message of a failure. */
function explain(failure: Failure, name: string, { origin }: Settings): string {
  const { kind, status, message } = failure;
  // A hub on this machine has no TLS. Elsewhere the advice would make an operator send the token in the clear.
  if (kind === "transport" && isLocalTls(origin) && /ECONNRESET|EPROTO/.test(message)) {
    return `${message} (a control plane without TLS, such as "signalman hub", needs no-https)`;
  }
  if (status === 404) {
    return `${message} (the control plane does not know the registration token, or does not allow this host's address)`;
  }
  if (status === 401) return `${message} (unknown organization: check the endpoint)`;
  if (isNameTaken(failure)) {
    return `${message} (an agent "${name}" is already registered: stop it, or use another name; the control plane forgets an agent that died after 3 minutes, or 15 minutes with a job)`;
  }
  if (status === 429 || status < 400 || status >= 500) return message;
  return `${message} (retries will probably fail too)`;
}

const isLocalTls = (origin: string) => /^https:\/\/(127\.|localhost\b|\[::1\])/.test(origin);

/** Whether another agent has the name, or a disconnected one still holds it (protocol section 2.1). */
function isNameTaken({ status, message }: Failure): boolean {
  return status === 400 && message.includes("agent can't be registered");
}

const longestIntervalMs = 30_000;
const minuteMs = 60_000;
