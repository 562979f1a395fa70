import { toSize, toSpan } from "../../core/text/amounts.ts";
import type {
  AgentStatus,
  HangingHook,
  JobStatus,
  PluginStatus,
  SlotStatus,
} from "../../core/contracts/agent-status.ts";
import { toLine, toPrintable } from "../../core/text/printable.ts";
import { formatTable } from "./columns.ts";

/** Characters of a name or an id, which come from the control plane. */
const maxNameLength = 40;

/** Renders an agent: a line about its process, a table row for each slot, and a line for each error. */
export function renderStatus(agent: AgentStatus, now: number): string[] {
  return toLines(agent, now).map((line) => toPrintable(line).replaceAll("\n", " "));
}

function toLines(agent: AgentStatus, now: number): string[] {
  const rows = agent.slots.map((slot) => [
    String(slot.slot + 1),
    toLine(String(slot.name ?? ""), maxNameLength),
    toState(slot),
    toSync(slot, now),
    toLine(String(slot.job?.id ?? ""), maxNameLength),
    slot.job ? toProgress(slot.job, now) : "",
  ]);
  return [
    `signalman ${agent.version}, pid ${agent.pid}, up ${since(now, agent.startedAt)}, state in ${agent.stateDirectory}`,
    ...formatTable([["slot", "name", "state", "last sync", "job", ""], ...rows]),
    ...agent.slots.flatMap((slot) => toPause(slot, now)),
    ...agent.slots.flatMap(toError),
    ...(agent.hangingHooks ?? []).map((hook) => toHanging(hook, now)),
    ...(agent.plugins ?? []).map(toPluginLine),
  ];
}

function toState({ state, draining, reason, job }: SlotStatus): string {
  if (state === "left") return `left: ${reason}`;
  const shown = job && job.phase !== "running" ? job.phase : state;
  return draining === undefined || state === "failed" ? shown : `${shown}, draining: ${draining}`;
}

function toSync({ sync }: SlotStatus, now: number): string {
  if (sync === undefined) return "";
  const last = sync.succeededAt === undefined ? "never" : `${since(now, sync.succeededAt)} ago`;
  return sync.failures > 0 ? `${last}, ${sync.failures} failed` : last;
}

function toProgress({ executor, startedAt, log }: JobStatus, now: number): string {
  const waiting = Math.max(0, log.producedBytes - log.deliveredBytes);
  const rest = waiting > 0 ? `, ${toSize(waiting)} waiting` : "";
  return `${executor}, ${since(now, startedAt)}, log ${toSize(log.deliveredBytes)}${rest}`;
}

function toPause({ slot, paused }: SlotStatus, now: number): string[] {
  if (!paused) return [];
  const { reason, until, plugin, since: then } = paused;
  const end = until === undefined ? "" : `, until ${until}`;
  const why = toLine(`${reason}${end} (plugin ${plugin})`, 500);
  return [`slot ${slot + 1} has been paused for ${since(now, then)}: ${why}`];
}

function toError({ slot, error, sync, admissionFaults = [] }: SlotStatus): string[] {
  return [error ?? sync?.error ?? [], admissionFaults]
    .flat()
    .map((text) => `slot ${slot + 1}: ${toLine(String(text), 200)}`);
}

function toHanging({ plugin, hook, startedAt }: HangingHook, now: number): string {
  return toLine(`plugin ${plugin} has not returned from ${hook} for ${since(now, startedAt)}`, 200);
}

function toPluginLine({ plugin, text, ready }: PluginStatus): string {
  return toLine(`plugin ${plugin}${ready === false ? " (not ready)" : ""}: ${text}`, 300);
}

function since(now: number, then: number): string {
  return toSpan(Math.max(0, now - then) / 1000, 0);
}
