import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import path from "node:path";
import { createScene, type Scene } from "../support/agents.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outline, outputOf, toEvents, until } from "../support/jobs.ts";
import { hostAddress, type Machine, startMachine } from "./machine.ts";
import { installUnit } from "./unit.ts";
import { isRoot } from "../support/users.ts";

// A kernel with all controllers, a systemd that knows `DelegateSubgroup`, and a power supply that can be cut.

const canStart = isRoot && process.arch === "x64";
const needs = canStart ? "" : " (skipped: needs root and an x64 host)";
const minutes = 60_000;
let machine: Machine;
let scene: Scene;

/**
 * The hub may have events that the disk lost: the agent then truncates the hub's log. And this machine is so
 * slow that a sync may take longer than the second for which the report of a job waits for it.
 */
const excused = new Set<string>(["push-back", "push-rewrite", "job-id-wrong"]);

beforeAll(async () => {
  if (!canStart) return;
  machine = await startMachine();
  scene = await createScene({ hub: ["--sync-interval", "1000", "--hosts", hostAddress] });
}, 30 * minutes);

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
  await machine?.[Symbol.asyncDispose]();
}, minutes);

describe.if(canStart)(`where a kernel enforces limits${needs}`, () => {
  const unit =
    "systemd-run --quiet --wait --pipe --collect -p Delegate=yes -p DelegateSubgroup=agent -p WorkingDirectory=/src";
  const group = [
    'cd /sys/fs/cgroup && echo "+memory +pids +cpu" >cgroup.subtree_control',
    "mkdir -p outside/agent && echo $$ >outside/agent/cgroup.procs && cd /src",
  ].join(" && ");
  test.each([
    ["agent/job-limits", "a unit", unit, "true"],
    ["agent/job-limits", "a group outside of all units", "", group],
    ["agent/control-groups", "a unit", unit, "true"],
    ["agent/shell-user", "a unit", unit, "true"],
  ])(
    "e2e/%s passes in %s",
    async (file, _, start, prepare) => {
      const suite = `/src/bun test --timeout 600000 ./e2e/${file}.test.ts 2>&1`;
      const output = await machine.run(
        `${start} env HOME=/root PATH="$PATH" /bin/sh -c '${prepare} && ${suite}'`,
      );
      expect(output).toMatch(/^ *[1-9]\d* pass$/m);
      expect(output).not.toMatch(/^\(skip\).*\(skipped: needs/m);
    },
    20 * minutes,
  );
});

describe.if(canStart)(`the unit of the documentation, under a real systemd${needs}`, () => {
  const show = async (property: string) =>
    (await machine.run(`systemctl show --value -p ${property} signalman`)).trim();
  const counting = "i=0; while [ ! -e go ]; do echo line $((++i)); sleep 0.2; done; rm -f go";
  const lines = (text: string) => text.trimEnd().split("\n");

  beforeAll(() => installUnit(machine, scene.hub.endpoint), 5 * minutes);

  /** Submits a job and resolves when its first lines are in the hub's log. */
  const submitCounting = async () => {
    const id = await scene.hub.submit({ commands: [counting] });
    await scene.hub.shows(id, "line 5\n");
    return id;
  };

  const keptLog = async (id: string) =>
    toEvents(
      await machine.run(`runuser -u signalman -- signalman logs ${id} --json --state-dir /var/lib/signalman`),
    );

  test(
    "is active once its plugins have started, and only root can read its token",
    async () => {
      expect(await show("ActiveState")).toBe("active");
      expect(await show("ControlGroup")).toBe("/system.slice/signalman.service");
      const pid = await show("MainPID");
      expect(await machine.run(`cat /proc/${pid}/cgroup`)).toBe("0::/system.slice/signalman.service/agent\n");
      const read = `cat /proc/${pid}/environ /etc/signalman/environment 2>&1 || true`;
      const seen = await machine.run(`runuser -u signalman -- sh -c ${JSON.stringify(read)}`);
      expect(lines(seen).every((line) => line.endsWith("Permission denied"))).toBe(true);
      expect(await machine.run(`tr '\\0' '\\n' </proc/${pid}/environ`)).toContain(registrationToken);
    },
    5 * minutes,
  );

  test(
    "limits the processes of a job together, and names what was ended",
    async () => {
      const read = 'cat "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)"/{memory.max,pids.max,cpu.max}';
      const fork = "(for n in $(seq 150); do sleep 100 & done) 2>&1 | head -1";
      const id = await scene.hub.submit({ commands: [read, "tail /dev/zero; echo status $?", fork] });
      expect((await scene.hub.done(id)).result).toBe("passed");
      const log = await scene.hub.log(id);
      expect(outputOf(log, read)).toBe("134217728\n100\n50000 100000\n");
      expect(outputOf(log, "tail /dev/zero; echo status $?")).toContain("status 137\n");
      expect(outputOf(log, fork)).toMatch(/fork|resource/i);
      expect(await show("ActiveState")).toBe("active");
      const left = await machine.run("ls /sys/fs/cgroup/system.slice/signalman.service");
      expect(lines(left).filter((name) => name.startsWith("signalman-"))).toEqual([]);
    },
    5 * minutes,
  );

  test(
    "`systemctl restart` hands a running job over",
    async () => {
      const before = await show("MainPID");
      const id = await submitCounting();
      await machine.run("systemctl restart signalman");
      expect(await show("MainPID")).not.toBe(before);
      await machine.run("touch ~signalman/go");
      await expectWhole(id);
    },
    5 * minutes,
  );

  test(
    "an agent that stands still is replaced by the watchdog, and its job continues",
    async () => {
      const dropIn = "/run/systemd/system/signalman.service.d/watchdog.conf";
      await machine.run(
        `mkdir -p ${path.dirname(dropIn)}; printf '[Service]\\nWatchdogSec=10\\n' >${dropIn}; systemctl daemon-reload; systemctl restart signalman`,
      );
      const id = await submitCounting();
      const stopped = await show("MainPID");
      await machine.run(`kill -STOP ${stopped}`);
      await until("systemd has started another agent", async () => {
        const pid = await show("MainPID");
        return pid !== "0" && pid !== stopped;
      });
      await machine.run("touch ~signalman/go");
      await expectWhole(id);
      await machine.run(`rm ${dropIn}; systemctl daemon-reload`);
    },
    5 * minutes,
  );

  test(
    "when all processes of the service are killed, the next agent reports the job",
    async () => {
      const id = await submitCounting();
      await machine.run("systemctl kill --kill-whom=all --signal=SIGKILL signalman");
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(await keptLog(id)).toEqual(await scene.hub.log(id));
    },
    5 * minutes,
  );

  test(
    "after a power cut the job is reported as failed, with the log that reached the disk",
    async () => {
      const id = await submitCounting();
      await machine.cutPower();
      await machine.start();
      expect((await scene.hub.done(id)).result).toBe("failed");
      const events = await scene.hub.log(id);
      expect(outline(events).at(-2)).toEndWith(
        "\n[signalman: the machine was restarted while the job ran; the job is reported as failed]\n",
      );
      expect(outline(events).at(-2)).toContain("line 1\n");
      expect(await keptLog(id)).toEqual(events);
      const next = await scene.hub.submit({ commands: ["echo again"] });
      expect((await scene.hub.done(next)).result).toBe("passed");
    },
    10 * minutes,
  );

  const counted = "for n in $(seq 40); do echo line $n; sleep 0.1; done";
  test.each<[string, (id: string) => Promise<unknown>]>([
    ["was submitted", () => Promise.resolve()],
    [
      "was assigned",
      (id) => until("an agent has it", async () => (await scene.hub.job(id)).agent !== undefined),
    ],
    ["prints its last line", (id) => scene.hub.shows(id, "line 40\n")],
    ["was reported", (id) => scene.hub.done(id)],
  ])(
    "a power cut when a job %s: it has one result, and hub and disk have the same log",
    async (_, moment) => {
      const id = await scene.hub.submit({ commands: [counted] });
      await moment(id);
      await machine.cutPower();
      await machine.start();
      expect((await scene.hub.done(id)).result).toBeOneOf(["passed", "failed"]);
      const events = await scene.hub.log(id);
      expect(events.filter(({ event }) => event === "job_finished")).toHaveLength(1);
      expect(await keptLog(id)).toEqual(events);
      expect((await scene.hub.violations()).filter(({ rule }) => !excused.has(rule))).toEqual([]);
    },
    10 * minutes,
  );

  test(
    "a reboot interrupts the job, which is reported before the machine goes down",
    async () => {
      const id = await submitCounting();
      await machine.run("systemctl reboot").catch(() => {});
      const { result } = await scene.hub.done(id);
      expect(result).toBe("stopped");
      await machine.off;
      expect(await scene.hub.agents()).toEqual([]);
      await machine.start();
      expect(await keptLog(id)).toEqual(await scene.hub.log(id));
      const next = await scene.hub.submit({ commands: ["echo again"] });
      expect((await scene.hub.done(next)).result).toBe("passed");
    },
    10 * minutes,
  );

  test(
    "with root's agent and `shell-user` a job can neither leave its group nor raise its limits",
    async () => {
      const dropIn = "/etc/systemd/system/signalman.service.d/user.conf";
      await machine.run(`set -e
        useradd --create-home --shell /bin/bash ci; chmod 700 /home/ci
        systemctl stop signalman; chown -R root: /var/lib/signalman
        mkdir -p ${path.dirname(dropIn)}
        printf '[Service]\\nUser=\\nEnvironment=SEMAPHORE_AGENT_SHELL_USER=ci\\n' >${dropIn}
        systemctl daemon-reload; systemctl start signalman`);
      const group = '"/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)"';
      const leave = `(echo $$ >${group}/../agent/cgroup.procs) 2>&1 | tail -1; (echo max >${group}/memory.max) 2>&1 | tail -1`;
      const id = await scene.hub.submit({ commands: ["id -un", leave, "tail /dev/zero; echo status $?"] });
      expect((await scene.hub.done(id)).result).toBe("passed");
      const log = await scene.hub.log(id);
      expect(outputOf(log, "id -un")).toBe("ci\n");
      expect(outputOf(log, leave)).toMatch(/^(.*Permission denied\n){2}$/);
      expect(outputOf(log, "tail /dev/zero; echo status $?")).toContain("status 137\n");
    },
    5 * minutes,
  );

  async function expectWhole(id: string): Promise<void> {
    expect((await scene.hub.done(id)).result).toBe("passed");
    const events = await scene.hub.log(id);
    const printed = lines(outputOf(events, counting));
    expect(printed).toEqual(printed.map((_, index) => `line ${index + 1}`));
    expect(await keptLog(id)).toEqual(events);
  }
});
