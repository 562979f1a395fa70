// Measures what a job's control group costs: `npm run build && bun bench/control-group.ts`, as root. The same
// job runs alternately with a group and in a mount namespace in which no control groups are mounted.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findGroupPlace } from "../src/os/cgroup/place.ts";
import { median, ms, row } from "./figures.ts";

if (process.getuid?.() !== 0 || "reason" in findGroupPlace()) {
  row("control group of a job", "not measured: needs root and control groups of version 2");
  process.exit();
}

const rounds = 31;
const binary = process.env["SIGNALMAN_BINARY"] ?? join(import.meta.dir, "../dist/signalman");
const home = mkdtempSync(join(tmpdir(), "signalman-bench-"));
const job = join(home, "job.json");
const inNamespace = (before: string) => [
  "unshare",
  "-m",
  "sh",
  "-c",
  `${before}; exec "$0" run "$1"`,
  binary,
  job,
];
const programs = {
  with: inNamespace("true"),
  without: inNamespace("umount -R -l /sys/fs/cgroup"),
};

for (const [name, commands] of Object.entries({
  "hello-world job": ["echo hello"],
  "job that leaves 20 processes": ["for n in {1..20}; do (setsid sleep 1000 &); done; sleep 0.1"],
})) {
  writeFileSync(job, JSON.stringify({ commands }));
  const times = { with: [] as number[], without: [] as number[] };
  for (let round = 0; round < rounds; round++)
    for (const which of ["with", "without"] as const) times[which].push(run(which));
  const [grouped, plain] = [median(times.with), median(times.without)];
  row(
    `${name}, with a control group`,
    `${ms(grouped)}, without ${ms(plain)}: ratio ${(grouped / plain).toFixed(3)}`,
  );
}
rmSync(home, { recursive: true });

function run(which: keyof typeof programs): number {
  const from = performance.now();
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home };
  const { success, stderr } = Bun.spawnSync(programs[which], { env, stdout: "ignore", stderr: "pipe" });
  if (!success) throw new Error(`${which} a control group: ${stderr.toString()}`);
  return performance.now() - from;
}
