// A minimal agent: starts a bash in a terminal for each job, and ends the jobs one after the other. The
// first line on stdin is its plan; each further one ends a job, and is answered with a line of JSON.
import { becomeSubReaper, startReaper } from "../../../src/os/processes/reaper.ts";
import { createCookie } from "../../../src/os/processes/cookie.ts";
import { createJobProcesses } from "../../../src/os/processes/tree.ts";
import { endProcesses } from "../../../src/os/processes/end.ts";
import type { Plan } from "./fixtures.ts";

const lines = console[Symbol.asyncIterator]();
const plan = JSON.parse((await lines.next()).value ?? "") as Plan;
if (plan.subReaper) becomeSubReaper();
startReaper();

const jobs = plan.jobs.map(({ script, keep = [] }, index) => {
  const cookie = createCookie(`job-${index}`);
  const processes = createJobProcesses({ cookie, keep });
  let output = "";
  const shell = Bun.spawn(["bash", "--norc", "--noprofile"], {
    env: { ...process.env, [cookie.name]: cookie.value, PS1: "" },
    terminal: { data: (_, bytes) => void (output += Buffer.from(bytes).toString()) },
  });
  processes.addRoot(shell.pid);
  shell.terminal?.write(`. ${script}\n`);
  return { processes, shell, output: () => output };
});
for (const job of jobs) while (!job.output().includes("READY")) await Bun.sleep(5);
console.log("READY");

for (const { processes, shell } of jobs) {
  await lines.next();
  const now = plan.nowAfterMs === undefined ? undefined : AbortSignal.timeout(plan.nowAfterMs);
  const start = performance.now();
  const report = await endProcesses(processes, {
    graceMs: plan.graceMs,
    hold: [shell.pid],
    ...(now && { now }),
  });
  console.log(JSON.stringify({ ...report, durationMs: performance.now() - start }));
  // A shell that was not stopped would continue its script now.
  await Bun.sleep(30);
  shell.kill("SIGKILL");
  await shell.exited;
  shell.terminal?.close();
  processes[Symbol.dispose]();
}
process.exit();
