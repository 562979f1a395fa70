import { toSize, toSpan } from "../../core/text/amounts.ts";
import type {
  AgentStatus,
  HangingHook,
  JobStatus,
  LogPosition,
  PluginStatus,
  SlotStatus,
} from "../../core/contracts/agent-status.ts";
import { toLine, toPrintable } from "../../core/text/printable.ts";
import { formatTable } from "./columns.ts";

/** Characters of a name or an id, which come from the control plane. */
const maxNameLength = 40;

/** Renders an agent: a line about its process, a table row for each slot, and a line for each error. */
export function renderStatus(agent: AgentStatus, now: number): string[] {
  return toText(agent, {
    since: (then) => toSpan(Math.max(0, now - then) / 1000, 0),
    log: ({ producedBytes, deliveredBytes }) => {
      const waiting = Math.max(0, producedBytes - deliveredBytes);
      return `, log ${toSize(deliveredBytes)}${waiting > 0 ? `, ${toSize(waiting)} waiting` : ""}`;
    },
  });
}

/**
 * Renders the same lines without the times and sizes that grow by themselves: a line that differs from an
 * earlier one shows a change.
 */
export function renderUntimedStatus(agent: AgentStatus): string[] {
  return toText(agent, { since: () => "", log: () => "" });
}

/** Formats what changes from one look to the next. */
interface Figures {
  since(then: number): string;
  log(position: LogPosition): string;
}

function toText(agent: AgentStatus, figures: Figures): string[] {
  return toLines(agent, figures).map((line) => toPrintable(line).replaceAll("\n", " "));
}

function toLines(agent: AgentStatus, figures: Figures): string[] {
  const rows = agent.slots.map((slot) => [
    String(slot.slot + 1),
    toLine(String(slot.name ?? ""), maxNameLength),
    toState(slot),
    toSync(slot, figures),
    toLine(String(slot.job?.id ?? ""), maxNameLength),
    slot.job ? toProgress(slot.job, figures) : "",
  ]);
  const { version, pid, stateDirectory } = agent;
  return [
    `signalman ${version}, pid ${pid}, up ${figures.since(agent.startedAt)}, state in ${stateDirectory}`,
    ...formatTable([["slot", "name", "state", "last sync", "job", ""], ...rows]),
    ...agent.slots.flatMap((slot) => toPause(slot, figures)),
    ...agent.slots.flatMap(toError),
    ...(agent.hangingHooks ?? []).map((hook) => toHanging(hook, figures)),
    ...(agent.plugins ?? []).map(toPluginLine),
  ];
}

function toState({ state, draining, reason, job }: SlotStatus): string {
  if (state === "left") return `left: ${reason}`;
  const shown = job && job.phase !== "running" ? job.phase : state;
  return draining === undefined || state === "failed" ? shown : `${shown}, draining: ${draining}`;
}

function toSync({ sync }: SlotStatus, { since }: Figures): string {
  if (sync === undefined) return "";
  const last = sync.succeededAt === undefined ? "never" : `${since(sync.succeededAt)} ago`;
  return sync.failures > 0 ? `${last}, ${sync.failures} failed` : last;
}

function toProgress({ executor, startedAt, log }: JobStatus, figures: Figures): string {
  return `${executor}, ${figures.since(startedAt)}${figures.log(log)}`;
}

function toPause({ slot, paused }: SlotStatus, { since }: Figures): string[] {
  if (!paused) return [];
  const { reason, until, plugin, since: then } = paused;
  const end = until === undefined ? "" : `, until ${until}`;
  const why = toLine(`${reason}${end} (plugin ${plugin})`, 500);
  return [`slot ${slot + 1} has been paused for ${since(then)}: ${why}`];
}

function toError({ slot, error, sync, admissionFaults = [] }: SlotStatus): string[] {
  return [error ?? sync?.error ?? [], admissionFaults]
    .flat()
    .map((text) => `slot ${slot + 1}: ${toLine(String(text), 200)}`);
}

function toHanging({ plugin, hook, startedAt }: HangingHook, { since }: Figures): string {
  return toLine(`plugin ${plugin} has not returned from ${hook} for ${since(startedAt)}`, 200);
}

function toPluginLine({ plugin, text, ready }: PluginStatus): string {
  return toLine(`plugin ${plugin}${ready === false ? " (not ready)" : ""}: ${text}`, 300);
}
