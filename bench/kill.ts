// Measures the time to end all processes of a job, which may ignore SIGTERM and start sessions, and the time
// of one search for its processes.
import { createCookie } from "../src/os/processes/cookie.ts";
import { endProcesses } from "../src/os/processes/end.ts";
import { becomeSubReaper, startReaper } from "../src/os/processes/reaper.ts";
import { listPids } from "../src/os/processes/proc.ts";
import { createJobProcesses, type JobProcesses } from "../src/os/processes/tree.ts";

const graceMs = 500;
const rounds = 5;
const stubborn =
  "trap '' TERM; for i in {1..10}; do setsid sleep 1000 & (setsid sh -c 'sleep 1000 &' &); done; echo READY; read";
const gentle = "sleep 1000 & setsid sleep 1000 & echo READY; read";

becomeSubReaper();
startReaper();

await measure("nothing left", "echo READY; read", graceMs, 0);
await measure("background jobs that obey SIGTERM", gentle, graceMs, 0);
await measure("20 processes that ignore SIGTERM, in separate sessions", stubborn, graceMs, graceMs);

const otherProcesses = Array.from({ length: 1000 - listPids().length }, () => Bun.spawn(["sleep", "1000"]));
await measure("nothing left, 1,000 processes on the host", "echo READY; read", graceMs, 0);
for (const process of otherProcesses) process.kill("SIGKILL");

async function measure(name: string, script: string, grace: number, expectedMs: number) {
  const overheads: number[] = [];
  const searches: number[] = [];
  let ended = 0;
  for (let round = 0; round < rounds; round++) {
    const cookie = createCookie("bench");
    using processes = createJobProcesses({ cookie });
    const shell = await start(script, { [cookie.name]: cookie.value }, processes);
    const from = performance.now();
    const report = await endProcesses(processes, { graceMs: grace, hold: [shell.pid] });
    overheads.push(performance.now() - from - expectedMs);
    ended = report.ended.length;
    for (let search = 0; search < 2; search++) {
      const before = performance.now();
      processes.find();
      searches.push(performance.now() - before);
    }
    shell.kill("SIGKILL");
    await shell.exited;
    shell.terminal?.close();
    await Bun.sleep(300);
  }
  const ms = (values: number[]) =>
    `${values.sort((a, b) => a - b)[values.length >> 1]?.toFixed(1)} ms (worst ${values.at(-1)?.toFixed(1)})`;
  console.log(`${name}: ${ended} ended, grace ${expectedMs} ms + ${ms(overheads)}; search ${ms(searches)}`);
}

async function start(script: string, cookie: Record<string, string>, processes: JobProcesses) {
  let output = "";
  const shell = Bun.spawn(["bash", "-c", script], {
    env: { ...process.env, ...cookie },
    terminal: { data: (_, bytes) => void (output += Buffer.from(bytes).toString()) },
  });
  processes.addRoot(shell.pid);
  while (!output.includes("READY")) await Bun.sleep(2);
  await Bun.sleep(50);
  return shell;
}
