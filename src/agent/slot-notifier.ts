import type { Pause } from "../core/contracts/admission.ts";
import type { LogPosition, StopReason } from "../core/contracts/agent-status.ts";
import type { HookEvents, HookName, SlotEvent } from "../core/contracts/hooks.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";

/** The hooks that are fired for a slot. */
type SlotHook = { [N in HookName]: HookEvents[N] extends SlotEvent ? N : never }[HookName];

/** What happens to a slot and its jobs: the hooks, and what only the agent itself follows. */
interface SlotEvents extends Pick<HookEvents, SlotHook> {
  /** The process hands over; the slot stays registered. */
  readonly handedOver: { readonly reason: StopReason };
  readonly failed: { readonly error: string };
  /** The paused slot has disconnected from its control plane. */
  readonly disconnected: object;
  /** The slot is still paused; what the plugin answers has changed. */
  readonly pauseChanged: Pause;
  /** Why checks of admission gave no answer. */
  readonly admissionFaults: { readonly faults: readonly string[] };
  /** A job's process is followed: after its start, or after it was resumed. */
  readonly jobFollowed: JobEvent;
  /** The delivery of a job's log has begun; `position` returns its progress. */
  readonly logOpened: JobEvent & { readonly position: () => LogPosition };
  /** A job's result is known; its log is still being delivered. */
  readonly jobFinished: JobEvent;
  /** The control plane has the job's result. */
  readonly jobReleased: JobEvent;
}

interface JobEvent {
  readonly job: JobRequest;
}

/** A part of the agent that follows what happens to one slot. */
export type SlotListener = {
  readonly [N in keyof SlotEvents]?: (event: SlotEvents[N]) => void | Promise<void>;
};

/** Passes what happens to one slot to listeners, which are called in their order, without waiting between them. */
export interface SlotNotifier {
  readonly slot: number;
  /** Fires a hook, for the agent's own listeners first. Resolves when all listeners have finished. */
  fire<N extends SlotHook>(name: N, event: Omit<HookEvents[N], "slot">): Promise<void>;
  /** Calls the agent's own listeners. Resolves when all of them have finished. */
  notify<N extends Exclude<keyof SlotEvents, SlotHook>>(name: N, event: SlotEvents[N]): Promise<void>;
  /** Adds one of the agent's own listeners. */
  listen(listener: SlotListener): void;
}

export interface SlotNotifierOptions {
  readonly slot: number;
  readonly host: Pick<Host, "call">;
  readonly listeners?: readonly SlotListener[];
}

export function createSlotNotifier(options: SlotNotifierOptions): SlotNotifier {
  const { slot, host } = options;
  const listeners = [...(options.listeners ?? [])];
  const tell = <N extends keyof SlotEvents>(name: N, event: SlotEvents[N]) =>
    listeners.map((listener) => listener[name]?.(event));
  return {
    slot,
    async fire<N extends SlotHook>(name: N, fields: Omit<HookEvents[N], "slot">) {
      const event = { slot, ...fields } as HookEvents[N] & SlotEvents[N];
      await Promise.all([...tell(name, event), host.call(name, event)]);
    },
    async notify(name, event) {
      await Promise.all(tell(name, event));
    },
    listen: (listener) => void listeners.push(listener),
  };
}
