import { readFileSync } from "node:fs";

/** Returns an id that changes with each boot of the machine; empty when the system has none. */
export function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
