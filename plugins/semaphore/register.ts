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
}

/**
 * Registers, with the same name in every attempt (protocol section 2.1). Returns `undefined` when `signal`
 * has aborted.
 */
export async function register(options: RegisterOptions): Promise<Registration | undefined> {
  const { settings, store, version, logger, signal } = options;
  const { terms, limits, endpoint } = settings;
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
    attempts: limits.register,
    signal,
    onRetry(failure, attempt) {
      const reason = explain(failure, request.name);
      const at = performance.now();
      if (reason === logged.reason && at - logged.at < minuteMs) return;
      logged = { reason, at };
      logger.warn(`registration failed: ${reason} (attempt ${attempt} of ${limits.register.count})`, {
        endpoint,
      });
    },
  });
  if (reply.ok) {
    const registration = { name: reply.value.name, accessToken: reply.value.token, terms };
    store.put(registration);
    logger.info(`registered as ${registration.name}`, { endpoint });
    return registration;
  }
  if (signal.aborted) return undefined;
  throw new AgentError(
    "CONTROL_PLANE_FAILED",
    `failed to register agent with "${endpoint}" in ${limits.register.count} attempts: ${explain(reply.failure, request.name)}`,
  );
}

/** Adds the remedy to the message of a failure. */
function explain({ status, message }: Failure, name: string): string {
  if (status === 404) {
    return `${message} (the control plane does not know the registration token, or does not allow this host's address)`;
  }
  if (status === 401) return `${message} (unknown organization: check the endpoint)`;
  if (status === 400 && message.includes(nameIsTaken)) {
    return `${message} (an agent "${name}" is already registered: stop it, or use another name; the control plane forgets an agent that died after 3 minutes, or 15 minutes with a job)`;
  }
  if (status === 429 || status < 400 || status >= 500) return message;
  return `${message} (retries will probably fail too)`;
}

/** The answer of the control plane when another agent of the organization has the name (protocol section 2.1). */
const nameIsTaken = "agent can't be registered";
const minuteMs = 60_000;
