import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createPlayground, startAgent, users } from "./fixtures.ts";

/** Scripts that leave processes with the mark behind. */
const leftovers = {
  "a background job": `sleep 1000 MARK & echo READY`,
  "a nohup'd process": `nohup sleep 1000 MARK >/dev/null 2>&1 & echo READY`,
  "a process in a session of its own": `setsid sleep 1000 MARK & echo READY`,
  "a daemon made by a double fork": `(setsid sh -c 'sleep 1000 MARK &' &); echo READY`,
  "the command that runs, and never its next line": `echo READY; sleep 1000 MARK; touch DIR/deployed`,
  "a process that ignores SIGTERM": `(trap '' TERM; setsid sleep 1000 MARK &); echo READY`,
  "a stopped process": `bash -c 'kill -STOP $$; :' MARK & echo READY`,
  "a pipeline of subshells": `(sleep 1000 MARK | (sleep 1000 MARK; cat)) & echo READY`,
};

for (const user of users) {
  for (const [name, script] of Object.entries(leftovers)) {
    for (const subReaper of [true, false]) {
      test(`the end of a job ends ${name} (as ${user}, ${subReaper ? "" : "not "}a sub-reaper)`, async () => {
        using place = createPlayground();
        const plan = { subReaper, graceMs: 100, jobs: [{ script: place.write("script", script) }] };
        await using agent = await startAgent(plan, user);
        await appeared(place);
        const { ended, left } = await agent.end();
        expect(place.marked()).toEqual([]);
        expect(left).toEqual([]);
        expect(ended.some(({ commandLine }) => commandLine.includes(place.mark))).toBe(true);
        expect(existsSync(join(place.dir, "deployed"))).toBe(false);
      });
    }
  }

  test(`a sub-reaper ends daemons that cleared their environment (as ${user})`, async () => {
    using place = createPlayground();
    const script = place.write("script", `(env -i setsid sh -c 'sleep 1000 MARK &' &); echo READY`);
    await using agent = await startAgent({ subReaper: true, graceMs: 100, jobs: [{ script }] }, user);
    await appeared(place);
    expect((await agent.end()).ended).toMatchObject([{ comm: "sleep", how: "term" }]);
    expect(place.marked()).toEqual([]);
  });

  for (const [name, cookie] of Object.entries({
    "a forged": "SIGNALMAN_JOB_other_00000000=00000000000000000000000000000000",
    "a changed": "${CHANGED}",
    "another job's": "${BORROWED}",
  })) {
    test(`a sub-reaper ends orphans with ${name} cookie (as ${user})`, async () => {
      using place = createPlayground();
      const lines = [
        `own=$(env | grep '^SIGNALMAN_JOB_')`,
        'CHANGED="${own%?}X" BORROWED="${own/job-0/job-1}"',
        `(env -i "${cookie}" setsid sh -c 'sleep 1000 MARK &' &)`,
        "echo READY",
      ];
      const script = place.write("script", lines.join("\n"));
      await using agent = await startAgent({ subReaper: true, graceMs: 100, jobs: [{ script }] }, user);
      await appeared(place);
      expect((await agent.end()).ended).toMatchObject([{ comm: "sleep", how: "term" }]);
      expect(place.marked()).toEqual([]);
    });
  }
}

test("a job that left no process has nothing to end", async () => {
  using place = createPlayground();
  const script = place.write("script", "true; echo READY");
  await using agent = await startAgent({ subReaper: true, graceMs: 10_000, jobs: [{ script }] });
  expect(await agent.end()).toMatchObject({ ended: [], spared: [], left: [] });
});

test("a program that cleans up on SIGTERM has the grace period, as have the programs that it starts", async () => {
  using place = createPlayground();
  place.write(
    "program",
    `trap 'sleep 0.3 MARK; echo done >DIR/cleaned; exit' TERM; echo READY; while :; do sleep 0.01; done`,
  );
  const script = place.write("script", "bash DIR/program MARK");
  await using agent = await startAgent({ subReaper: true, graceMs: 20_000, jobs: [{ script }] });
  const { ended } = await agent.end();
  expect(existsSync(join(place.dir, "cleaned"))).toBe(true);
  expect(ended.find(({ comm }) => comm === "bash")?.how).toBe("term");
  expect(place.marked()).toEqual([]);
});

test("a process that runs after the grace period is killed and reported as killed", async () => {
  using place = createPlayground();
  const script = place.write("script", `(trap '' TERM; sleep 1000 MARK &); sleep 999 MARK & echo READY`);
  await using agent = await startAgent({ subReaper: true, graceMs: 100, jobs: [{ script }] });
  await appeared(place, 2);
  const { ended } = await agent.end();
  const how = Object.fromEntries(ended.map((process) => [process.commandLine, process.how]));
  expect(how).toEqual({ [`sleep 1000 ${place.mark}`]: "kill", [`sleep 999 ${place.mark}`]: "term" });
});

test("the grace period can be shortened", async () => {
  using place = createPlayground();
  const script = place.write("script", `(trap '' TERM; sleep 1000 MARK &); echo READY`);
  await using agent = await startAgent({
    subReaper: true,
    graceMs: 3_600_000,
    nowAfterMs: 50,
    jobs: [{ script }],
  });
  await appeared(place);
  expect((await agent.end()).ended).toMatchObject([{ comm: "sleep", how: "kill" }]);
});

test("200 processes that constantly start new ones are all ended", async () => {
  using place = createPlayground();
  place.write("worker", `trap '' TERM; for i in {1..200}; do sleep 0.2 MARK; done`);
  const script = place.write(
    "script",
    `for i in {1..200}; do bash DIR/worker MARK & done 2>/dev/null; echo READY`,
  );
  await using agent = await startAgent({ subReaper: true, graceMs: 50, jobs: [{ script }] });
  const { ended, left } = await agent.end();
  expect(place.marked()).toEqual([]);
  expect(left).toEqual([]);
  expect(ended.length).toBeGreaterThanOrEqual(200);
}, 120_000);

for (const setsid of ["", "setsid "]) {
  test(`a process that constantly changes its pid is ended (${setsid || "in one session"})`, async () => {
    using place = createPlayground();
    place.write("hop", `trap '' TERM; [ $1 = 0 ] || ${setsid}bash DIR/hop $(($1 - 1)) MARK & exit`);
    const script = place.write("script", `bash DIR/hop 20000 MARK; echo READY`);
    await using agent = await startAgent({ subReaper: true, graceMs: 50, jobs: [{ script }] });
    expect((await agent.end()).left).toEqual([]);
    expect(place.marked()).toEqual([]);
  });
}

// A shell needs a millisecond to fork and exit; Perl is faster than a scan of the process table.
if (Bun.which("perl") !== null) {
  test("a process that changes its pid and session thousands of times a second is ended", async () => {
    using place = createPlayground();
    place.write(
      "hop.pl",
      `use POSIX; $SIG{TERM} = "IGNORE"; $| = 1; print "READY\n";
      for (1..10000) { select(undef, undef, undef, 0.0002); exit if fork; POSIX::setsid(); }
      open(my $file, ">", "DIR/escaped"); # MARK`,
    );
    const script = place.write("script", `env -i "${Bun.which("perl")}" DIR/hop.pl MARK`);
    await using agent = await startAgent({ subReaper: true, graceMs: 50, jobs: [{ script }] });
    expect((await agent.end()).left).toEqual([]);
    expect(place.marked()).toEqual([]);
    expect(existsSync(join(place.dir, "escaped"))).toBe(false);
  });
}

test("each of two jobs in a process ends its own processes, and the last one ends unattributed orphans", async () => {
  using place = createPlayground();
  using other = createPlayground();
  const text = `setsid sleep 1000 MARK & sleep 1000 MARK & echo READY`;
  const jobs = [
    { script: place.write("script", text) },
    { script: other.write("script", `(env -i setsid sleep 1000 MARK &) ; ${text}`) },
  ];
  await using agent = await startAgent({ subReaper: true, graceMs: 100, jobs });
  await appeared(place, 2);
  await appeared(other, 3);
  await agent.end();
  expect(place.marked()).toEqual([]);
  expect(other.marked()).toHaveLength(3);
  await agent.end();
  expect(other.marked()).toEqual([]);
});

test("each of two agents ends its own job", async () => {
  using place = createPlayground();
  using other = createPlayground();
  const text = `(env -i setsid sleep 1000 MARK &); setsid sleep 1000 MARK & sleep 1000 MARK & echo READY`;
  const plan = { subReaper: true, graceMs: 100 };
  await using one = await startAgent({ ...plan, jobs: [{ script: place.write("script", text) }] });
  await using two = await startAgent({ ...plan, jobs: [{ script: other.write("script", text) }] });
  await appeared(place, 3);
  await appeared(other, 3);
  await one.end();
  expect(place.marked()).toEqual([]);
  expect(other.marked()).toHaveLength(3);
  await two.end();
  expect(other.marked()).toEqual([]);
});

test("an agent within a job is ended with that job, as are the processes of its own job", async () => {
  using place = createPlayground();
  const inner = place.write(
    "inner",
    `(env -i setsid sleep 1000 MARK &); setsid sleep 1000 MARK & echo READY`,
  );
  place.write("plan", `${JSON.stringify({ subReaper: true, graceMs: 100, jobs: [{ script: inner }] })}\n`);
  const program = join(import.meta.dir, "agent.ts");
  const script = place.write("script", `cat DIR/plan - | "${process.execPath}" "${program}"`);
  await using agent = await startAgent({ subReaper: true, graceMs: 100, jobs: [{ script }] });
  await appeared(place, 2);
  await agent.end();
  expect(place.marked()).toEqual([]);
});

test("daemons on the list of kept processes continue with their children, by name or command line", async () => {
  using place = createPlayground();
  place.write("daemon", `sleep 1000 MARK & sleep 1000 MARK`);
  const script = place.write(
    "script",
    `setsid bash DIR/daemon MARK & (exec -a /opt/my-daemon sleep 1000 MARK) & sleep 999 MARK & echo READY`,
  );
  const keep = ["my-daemon", `bash */daemon ${place.mark}`];
  await using agent = await startAgent({ subReaper: true, graceMs: 100, jobs: [{ script, keep }] });
  await appeared(place, 5);
  const { ended, spared } = await agent.end();
  expect(ended.map(({ commandLine }) => commandLine)).toEqual([`sleep 999 ${place.mark}`]);
  expect(spared).toHaveLength(4);
  expect(place.marked()).toHaveLength(4);
  expect(place.marked().filter(({ state }) => state === "T")).toEqual([]);
});

// Only root can create a process that an ordinary user's agent may not signal.
if (users.length > 1) {
  test("a process that the agent may not signal is reported as left running", async () => {
    using place = createPlayground();
    const setpriv = join(place.dir, "setpriv");
    Bun.spawnSync(["cp", Bun.which("setpriv") ?? "", setpriv]);
    Bun.spawnSync(["chmod", "4755", setpriv]);
    const script = place.write(
      "script",
      `${setpriv} --reuid=0 sleep 1000 MARK & sleep 999 MARK & echo READY`,
    );
    await using agent = await startAgent(
      { subReaper: true, graceMs: 100, jobs: [{ script }] },
      "an ordinary user",
    );
    await appeared(place, 2);
    const { ended, left } = await agent.end();
    expect(left).toMatchObject([{ comm: "sleep", uid: 0, commandLine: `sleep 1000 ${place.mark}` }]);
    expect(ended).toMatchObject([{ commandLine: `sleep 999 ${place.mark}` }]);
  });
}

/** Waits until all processes of the job have executed their programs: `sleep` or a script with the mark. */
async function appeared(place: ReturnType<typeof createPlayground>, count = 1) {
  const arrived = () => place.marked().filter(({ comm }) => comm === "sleep" || comm === "bash").length;
  while (arrived() < count) await Bun.sleep(5);
}
