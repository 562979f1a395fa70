import type { Finding } from "signalman";
import type { ControlPlaneAnswer } from "./token-request.ts";

const warningSeconds = 30;
const errorSeconds = 300;

/** Compares this machine's clock with the control plane's, with an accuracy of two seconds. */
export function judgeClock({ date, askedAt, answeredAt }: ControlPlaneAnswer): Finding[] {
  if (date === undefined) return [];
  // The header has whole seconds and was written between the request and the answer.
  const seconds = Math.round(
    (date < askedAt - 1000 ? askedAt - date : Math.min(0, answeredAt - date)) / 1000,
  );
  const distance = Math.abs(seconds);
  if (distance <= warningSeconds)
    return [{ level: "ok", title: "the clock matches the control plane's clock" }];
  return [
    {
      level: distance > errorSeconds ? "error" : "warning",
      title: `the clock is ${distance} s ${seconds > 0 ? "ahead of" : "behind"} the control plane's clock`,
      detail: "the validity of tokens and certificates depends on the clock",
      remedy: "synchronize the clock: timedatectl set-ntp true",
    },
  ];
}
