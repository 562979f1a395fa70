import type { Command, Job } from "./types.ts";

/** A colour and a sign with a meaning; the word is always shown as well. */
export type Tone = "good" | "bad" | "busy" | "calm" | "warn";

export function toWord(job: Job): string {
  if (job.state === "died") return "died";
  return job.state === "finished" ? (job.result ?? "finished") : job.state;
}

export function toTone(job: Job): Tone {
  return tones[toWord(job)] ?? "calm";
}

const tones: Readonly<Record<string, Tone>> = {
  passed: "good",
  failed: "bad",
  died: "bad",
  stopped: "warn",
  running: "busy",
};

export const signs: Readonly<Record<Tone, string>> = { good: "✓", bad: "✗", busy: "●", warn: "■", calm: "○" };

export function toCommandTone({ exitCode, finishedAt }: Command, isLive: boolean): Tone {
  if (finishedAt === undefined) return isLive ? "busy" : "bad";
  return exitCode === 0 ? "good" : "bad";
}

/** As `signalman logs` has it. */
export function toCommandWord({ exitCode, finishedAt }: Command, isLive: boolean): string {
  if (finishedAt === undefined) return isLive ? "running" : "did not finish";
  return exitCode === 0 ? "passed" : `exit code ${exitCode}`;
}

/** `0.3 s`, `8 s`, `3 min 04 s`, `2 h 05 min`. Logs have whole seconds, of which none is `< 1 s`. */
export function toSpan(ms: number): string {
  if (ms <= 0) return "< 1 s";
  if (ms < 9950 && ms % 1000 !== 0) return `${Math.max(0.1, ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

export function toDuration(job: Job, now: number): string {
  if (job.startedAt === undefined) return "";
  const spanMs = (job.finishedAt ?? now) - job.startedAt;
  // Tenths of a second would not stand still.
  return toSpan(job.finishedAt === undefined ? Math.floor(spanMs / 1000) * 1000 : spanMs);
}

/** `14:03:09`, with the date when it is another day. */
export function toTime(ms: number, now = Date.now()): string {
  const date = new Date(ms);
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${time}`;
}

export function toSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function toName(job: Job): string {
  return job.name || `job ${job.id.slice(0, 8)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
