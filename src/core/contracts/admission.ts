/**
 * Decides whether the slots of this agent take jobs, for example by free disk space. It is asked before a slot
 * registers, at an interval while it has no job (`admission-interval`), and as soon as a job has ended. The first
 * refusal pauses the slot, for `admission-pause` at least and until the check has passed twice in a row. A running
 * job is never stopped.
 */
export interface Admission {
  /**
   * Returns why the slot must not take a job now, or nothing. It is awaited for 10 s. When it throws, does not
   * return or returns anything else, its last answer counts, and without one the slot takes jobs; the agent's log
   * and `status` name the plugin.
   */
  check(context: AdmissionContext): AdmissionAnswer | Promise<AdmissionAnswer>;
}

/** What a check of admission receives. */
export interface AdmissionContext {
  /** Index of the slot, from 0. */
  readonly slot: number;
  /** Aborts when the answer is not awaited any more. */
  readonly signal: AbortSignal;
}

/** What a check of admission returns. A text is the reason of a refusal. */
export type AdmissionAnswer = Refusal | string | undefined | void;

/** Why a slot must not take jobs. Both texts are shown as one line of at most 200 characters. */
export interface Refusal {
  /** A fact: "less than 5 GiB are free on /". */
  readonly reason: string;
  /** What would end the pause: "6 GiB are free". */
  readonly until?: string | undefined;
}

/** Whether a slot may take jobs, as its job source sees it. */
export interface SlotAdmission {
  /**
   * Aborts when the slot is paused, and has aborted while it is; the reason is the `Pause`. After the pause there
   * is a new signal. A slot is never paused before its source has read this or called `admitted`.
   */
  readonly paused: AbortSignal;
  /** Resolves when the slot may take a job, and when `signal` aborts. Call it before each claim of a job. */
  admitted(signal: AbortSignal): Promise<void>;
  /** Reports that the paused slot has disconnected from its control plane. `registered` ends that state. */
  disconnected(): void;
}

/** Why a slot takes no jobs at present. */
export interface Pause {
  readonly reason: string;
  /** What would end the pause. */
  readonly until?: string;
  readonly plugin: string;
  /** Unix milliseconds. */
  readonly since: number;
}
