import { type Logger, seal, type SlotState, toMessage, unseal } from "signalman";
import { generateName, isUrlName } from "./agent-name.ts";
import type { Settings, Terms } from "./settings.ts";

/** What the control plane knows of us. */
export interface Registration {
  /** As it calls us. */
  readonly name: string;
  readonly accessToken: string;
  readonly terms: Terms;
}

/** Keeps a registration, so that a crash does not cost it. */
export interface RegistrationStore {
  /** The one from an earlier process, if it can still be used. `isOurs`: a new one would be the same. */
  find(): { readonly registration: Registration; readonly isOurs: boolean } | undefined;
  /** The name to register under. On disk before it is used: after a crash and for every retry it is the same. */
  chooseName(): string;
  put(registration: Registration): void;
  forget(): void;
  /** The job that is assigned to it, and not yet acknowledged. */
  readonly assignedJob: string | undefined;
  assign(jobId: string): void;
  unassign(): void;
}

interface Kept {
  readonly origin: string;
  /** The name that was asked for; a signed URL is not kept. */
  readonly asked: string;
  readonly isGenerated: boolean;
  readonly terms: Terms;
  /** Once it is registered. The token is sealed under the registration token. */
  readonly accepted?: { readonly name: string; readonly sealedToken: string };
}

export function createRegistrationStore(
  settings: Settings,
  state: SlotState,
  logger: Logger,
): RegistrationStore {
  const { origin, token, terms, name } = settings;
  const asked = name === undefined ? undefined : isUrlName(name) ? signedUrl : name;

  const read = <T>(document: string): T | undefined => {
    try {
      return state.get<T>(document);
    } catch (error) {
      logger.warn(`what was kept is of no use: ${toMessage(error)}`);
      return undefined;
    }
  };
  const remove = (document: string): void => {
    try {
      state.remove(document);
    } catch (error) {
      logger.error(`what is no longer true stays on disk: ${toMessage(error)}`);
    }
  };
  const isSameAgent = (kept: Kept): boolean =>
    kept.origin === origin && (asked === undefined ? kept.isGenerated : kept.asked === asked);

  let kept = read<Kept>("registration");
  // A registration is given up only for one that the control plane has accepted.
  let pending = read<Kept>("pending");
  let assignedJob = read<{ readonly jobId: string }>("assignment")?.jobId;

  const unassign = (): void => {
    assignedJob = undefined;
    remove("assignment");
  };

  return {
    get assignedJob() {
      return assignedJob;
    },
    find() {
      if (kept?.accepted === undefined || kept.origin !== origin) return undefined;
      const accessToken = unseal(kept.accepted.sealedToken, token);
      if (accessToken === undefined) {
        logger.warn("the registration that was kept belongs to another registration token: registering anew");
        return undefined;
      }
      return {
        registration: { name: kept.accepted.name, accessToken, terms: kept.terms },
        isOurs: isSameAgent(kept) && Bun.deepEquals(kept.terms, terms),
      };
    },
    chooseName() {
      const isReusable = pending !== undefined && isSameAgent(pending);
      const next = asked ?? (isReusable ? pending!.asked : generateName());
      pending = { origin, asked: next, isGenerated: asked === undefined, terms };
      state.put("pending", pending);
      return name ?? next;
    },
    put(registration) {
      const accepted = { name: registration.name, sealedToken: seal(registration.accessToken, token) };
      kept = { ...pending!, accepted };
      state.put("registration", kept);
      pending = undefined;
      remove("pending");
    },
    forget() {
      kept = undefined;
      remove("registration");
      unassign();
    },
    assign(jobId) {
      assignedJob = jobId;
      try {
        state.put("assignment", { jobId });
      } catch (error) {
        logger.error(
          `the assignment of job ${jobId} cannot be kept, a crash would lose it: ${toMessage(error)}`,
        );
      }
    },
    unassign,
  };
}

const signedUrl = "a signed URL";
