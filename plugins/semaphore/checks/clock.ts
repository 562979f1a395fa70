import type { Finding } from "signalman";
import type { ControlPlaneAnswer } from "./ask.ts";

const warningSeconds = 30;
const errorSeconds = 300;

/** Compares our clock with the control plane's, to a second or two. */
export function judgeClock({ date, askedAt, answeredAt }: ControlPlaneAnswer): Finding[] {
  if (date === undefined) return [];
  // The header has whole seconds, and was written between the two.
  const seconds = Math.round(
    (date < askedAt - 1000 ? askedAt - date : Math.min(0, answeredAt - date)) / 1000,
  );
  const distance = Math.abs(seconds);
  if (distance <= warningSeconds)
    return [{ level: "ok", title: "the clock agrees with the control plane's" }];
  return [
    {
      level: distance > errorSeconds ? "error" : "warning",
      title: `the clock is ${distance} s ${seconds > 0 ? "ahead of" : "behind"} the control plane's`,
      detail: "tokens and certificates are checked against it",
      remedy: "set it, and keep it set: timedatectl set-ntp true",
    },
  ];
}
