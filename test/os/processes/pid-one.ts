// A minimal PID 1 of a container, or a sub-reaper: orphans and its own children exit at the same time. Prints
// the results.
import { isDead, listPids, readStat } from "../../../src/os/processes/proc.ts";
import { becomeSubReaper, startReaper } from "../../../src/os/processes/reaper.ts";

if (process.pid !== 1) becomeSubReaper();
startReaper();

const ownChildren = () => listPids().filter((pid) => readStat(pid)?.ppid === process.pid);
const ownZombies = () =>
  ownChildren().filter((pid) => {
    const stat = readStat(pid);
    return stat !== undefined && isDead(stat);
  }).length;

await Bun.spawn(["bash", "-c", "for i in {1..500}; do (sleep 1000 &); done"]).exited;
const orphans = ownChildren();
const own = Array.from({ length: 20 }, (_, code) => Bun.spawn(["sh", "-c", `sleep 0.2; exit ${code}`]));
for (const child of own) child.unref();
const unawaited = Bun.spawn(["true"]);
unawaited.unref();

for (const pid of orphans) process.kill(pid, "SIGKILL");
let most = 0;
for (let look = 0; look < 30; look++) {
  await Bun.sleep(20);
  most = Math.max(most, ownZombies());
}
// The event loop is blocked while the children exit, so that the reaper finds old zombies.
const late = Array.from({ length: 20 }, (_, code) => Bun.spawn(["sh", "-c", `exit ${code}`]));
Bun.sleepSync(1500);
const codes = await Promise.all([...own, ...late].map((child) => child.exited));
while (ownZombies() > 0) await Bun.sleep(50);
console.log(JSON.stringify({ pid: process.pid, most, codes }));
