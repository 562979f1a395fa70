import { type Logger, seal, type SlotState, toMessage, unseal } from "signalman";
import { generateName, isUrlName } from "./agent-name.ts";
import type { Settings, Terms } from "./settings.ts";

/** An agent's registration with the control plane. */
export interface Registration {
  /** The name that the control plane uses for the agent. */
  readonly name: string;
  readonly accessToken: string;
  readonly terms: Terms;
}

/** Saves a registration, so that it survives a crash. */
export interface RegistrationStore {
  /**
   * The usable registration of an earlier process. `isCurrent`: a new registration would have the same name
   * and terms.
   */
  find(): { readonly registration: Registration; readonly isCurrent: boolean } | undefined;
  /** Chooses the name to register under and saves it first: after a crash and for each attempt the name is the same. */
  chooseName(): string;
  put(registration: Registration): void;
  forget(): void;
  /** Id of the job that is assigned to the registration and not yet acknowledged. */
  readonly assignedJob: string | undefined;
  assign(jobId: string): void;
  unassign(): void;
}

interface SavedRegistration {
  readonly origin: string;
  /** The requested name; a placeholder for a signed URL, which must not be on disk. */
  readonly asked: string;
  readonly isGenerated: boolean;
  readonly terms: Terms;
  /** Present once the control plane has accepted it. The access token is sealed with the registration token. */
  readonly accepted?: { readonly name: string; readonly sealedToken: string };
}

export function createRegistrationStore(
  settings: Settings,
  state: SlotState,
  logger: Logger,
): RegistrationStore {
  const { origin, token, terms, name } = settings;
  const asked = name === undefined ? undefined : isUrlName(name) ? signedUrl : name;
  const { read, remove } = createDocuments(state, logger);
  const isSameAgent = (saved: SavedRegistration): boolean =>
    saved.origin === origin && (asked === undefined ? saved.isGenerated : saved.asked === asked);

  let saved = read<SavedRegistration>("registration");
  // An accepted registration is replaced only by another accepted one.
  let pending = read<SavedRegistration>("pending");
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
      if (saved?.accepted === undefined || saved.origin !== origin) return undefined;
      const accessToken = unseal(saved.accepted.sealedToken, token);
      if (accessToken === undefined) {
        logger.warn("the saved registration belongs to another registration token: registering anew");
        return undefined;
      }
      return {
        registration: { name: saved.accepted.name, accessToken, terms: saved.terms },
        isCurrent: isSameAgent(saved) && Bun.deepEquals(saved.terms, terms),
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
      saved = { ...pending!, accepted };
      state.put("registration", saved);
      pending = undefined;
      remove("pending");
    },
    forget() {
      saved = undefined;
      remove("registration");
      unassign();
    },
    assign(jobId) {
      assignedJob = jobId;
      try {
        state.put("assignment", { jobId });
      } catch (error) {
        logger.error(
          `assignment of job ${jobId} could not be saved: a crash would lose the job: ${toMessage(error)}`,
        );
      }
    },
    unassign,
  };
}

const signedUrl = "a signed URL";

/** Reads and removes documents; a fault is logged and costs no more than the document. */
function createDocuments(state: SlotState, logger: Logger) {
  return {
    read<T>(document: string): T | undefined {
      try {
        return state.get<T>(document);
      } catch (error) {
        logger.warn(`saved state "${document}" is unreadable and ignored: ${toMessage(error)}`);
        return undefined;
      }
    },
    remove(document: string): void {
      try {
        state.remove(document);
      } catch (error) {
        logger.error(`outdated state "${document}" could not be removed: ${toMessage(error)}`);
      }
    },
  };
}
