import { dlopen } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, statSync } from "node:fs";
import path from "node:path";
import { createScene, type Scene } from "../support/agents.ts";
import { createTester, type Running } from "../support/fixtures.ts";
import { createHostUsers } from "../support/host-users.ts";
import { canChangeUser, canUnshare } from "../support/isolation.ts";
import { firstUid } from "../support/job-user.ts";
import { outputOf, runJob, until } from "../support/jobs.ts";
import { ordinaryUser, programOf } from "../support/users.ts";

const noJobUsers = { hasJobUsers: false };
/** The socket of a Docker engine of this machine, whose group is usually "docker". */
const machineSocket = "/run/docker.sock";
const perSlot = ["--slots", "2", "--shell-user", "ci-{slot}"];

/** How an agent that shall not start ends; `undefined` when it registers. */
async function endOf(scene: Scene, agent: Running) {
  let end: Awaited<Running["finished"]> | undefined;
  void agent.finished.then((finished) => (end = finished));
  await until(
    "the agent has exited or registered",
    async () => !!end || (await scene.hub.calls()).length > 0,
  );
  return end;
}

/** Lets a user enter the directory, as `setfacl -m u:<uid>:rx` does. */
function setAcl(directory: string, uid: number): void {
  const entries = [
    [0x01, 7, -1],
    [0x02, 5, uid],
    [0x04, 0, -1],
    [0x10, 5, -1],
    [0x20, 0, -1],
  ] as const;
  const list = Buffer.alloc(4 + entries.length * 8);
  list.writeUInt32LE(2);
  entries.forEach(([tag, rights, id], index) => {
    list.writeUInt16LE(tag, 4 + index * 8);
    list.writeUInt16LE(rights, 6 + index * 8);
    list.writeInt32LE(id, 8 + index * 8);
  });
  const name = Buffer.from("system.posix_acl_access\0");
  const { symbols } = dlopen("libc.so.6", {
    setxattr: { args: ["ptr", "ptr", "ptr", "u64", "i32"], returns: "i32" },
  });
  const place = Buffer.from(`${directory}\0`);
  expect(symbols.setxattr(place, name, list, list.length, 0)).toBe(0);
}

/** A socket of root to which every user may write. It closes each connection. */
function openSocket(socketPath: string) {
  const listener = Bun.listen({ unix: socketPath, socket: { open: (each) => void each.end(), data() {} } });
  chmodSync(socketPath, 0o666);
  return listener;
}

describe.if(canUnshare)("the home of a job's user", () => {
  test("is closed to the jobs of other slots: an agent with homes of 0755 does not start", async () => {
    await using scene = await createScene({}, noJobUsers);
    const { program, homes, shared } = await createHostUsers(scene.tester, { mode: 0o755 });
    const end = await endOf(scene, scene.agent(perSlot, { program }));
    expect(end?.exitCode).toBe(1);
    expect(end?.stderr).toContain(
      `the home "${homes[0]}" of the jobs' user "ci-1" can be entered by every user (mode 0755), who can read the files of jobs in it: chmod 700 ${homes[0]}`,
    );
    expect(await scene.hub.calls()).toEqual([]);
    const { stdout } = await scene.tester.run(["doctor", "--json", ...perSlot], { program });
    expect(stdout).toContain("can be entered by every user (mode 0755)");

    for (const home of homes) chmodSync(home, 0o700);
    await scene.readyAgent(perSlot, { program });
    const content = Buffer.from("deploy-secret").toString("base64");
    const files = [{ path: "deploy-secret.json", content, mode: "0644" }];
    const meet = `touch ${shared}/$(id -un); until [ -e ${shared}/ci-1 ] && [ -e ${shared}/ci-2 ]; do sleep 0.05; done`;
    const attack = `cat ${homes.join("/*.json ")}/*.json; touch ${shared}/$(id -un).done; until [ -e ${shared}/ci-1.done ] && [ -e ${shared}/ci-2.done ]; do sleep 0.05; done`;
    const ids = await Promise.all([1, 2].map(() => scene.hub.submit({ commands: [meet, attack], files })));
    for (const id of ids) {
      await scene.hub.done(id);
      expect(outputOf(await scene.hub.log(id), attack).match(/deploy-secret(?!\.json)/g)).toHaveLength(1);
    }
  });

  test("is closed again after a job that opened it, so that agents still start", async () => {
    await using tester = await createTester(noJobUsers);
    const { program, homes } = await createHostUsers(tester);
    const args = perSlot.slice(2);
    for (const mode of ["777", "2755", "750"]) {
      const { exitCode } = await runJob(tester, { commands: [`chmod ${mode} ~`] }, args, { program });
      expect(exitCode).toBe(0);
      expect(statSync(homes[0]!).mode & 0o7777).toBe(0o700);
    }
  });

  test("with an access control list for another user is refused", async () => {
    await using tester = await createTester(noJobUsers);
    const { program, homes } = await createHostUsers(tester);
    setAcl(homes[0]!, firstUid + 1);
    expect(statSync(homes[0]!).mode & 0o777).toBe(0o750);
    const args = perSlot.slice(2);
    const { exitCode, stderr } = await runJob(tester, { commands: ["true"] }, args, { program });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("can be entered by the users of its access control list (mode 0750)");
    const { stdout } = await tester.run(["doctor", "--json", ...perSlot], { program });
    expect(stdout).toContain("can be entered by the users of its access control list (mode 0750)");

    chmodSync(homes[0]!, 0o700);
    expect((await runJob(tester, { commands: ["true"] }, args, { program })).exitCode).toBe(0);
  });

  test.each([
    ["0711", 1, 2],
    ["0704", 1, 2],
    ["0750", 1, 0],
    ["0750", 2, 2],
    ["0700", 2, 0],
  ])("of mode %s and the group of ci-%d lets `run` exit with status %d", async (mode, group, status) => {
    await using tester = await createTester(noJobUsers);
    const { program, homes } = await createHostUsers(tester);
    chownSync(homes[0]!, firstUid, firstUid - 1 + group);
    chmodSync(homes[0]!, Number.parseInt(mode, 8));
    const { exitCode, stderr } = await runJob(tester, { commands: ["true"] }, perSlot.slice(2), { program });
    expect([stderr, exitCode]).toEqual([status === 0 ? "" : expect.stringContaining("chmod 700"), status]);
  });
});

describe.if(canUnshare)("a job's user that can become root", () => {
  test("is named by doctor, and once by an agent that starts", async () => {
    await using scene = await createScene({}, noJobUsers);
    const { tester } = scene;
    const socket = path.join(path.dirname(tester.home), "engine.sock");
    using _engine = openSocket(socket);
    const { program } = await createHostUsers(tester, {
      groups: ["root", "disk", "shadow", "lxd", "docker", "games"],
      sudoers: "ci-1 ALL=(ALL:ALL) NOPASSWD: ALL\nci-2 ALL=(ALL:ALL) NOPASSWD: /bin/true, ALL\n",
    });
    const options = { program, env: { DOCKER_HOST: `unix://${socket}` } };
    const expected = [
      `user "ci-1" may write to the engine's socket "${socket}"`,
      ...(existsSync(machineSocket)
        ? [`user "ci-1" may write to the engine's socket "${machineSocket}"`]
        : []),
      'user "ci-1" is in group "root", which is root\'s',
      'user "ci-1" is in group "disk", which may read and write every disk',
      'user "ci-1" is in group "shadow", which may read the hashes of all passwords',
      `user "ci-2" may write to the engine's socket "${socket}"`,
      ...(Bun.which("sudo") === null
        ? []
        : [1, 2].map((slot) => `user "ci-${slot}" may do everything as root with sudo, without a password`)),
    ];
    const doctor = await tester.run(["doctor", "--json", "--timeout", "60", ...perSlot], options);
    const { findings } = JSON.parse(doctor.stdout) as { findings: { level: string; title: string }[] };
    const warnings = findings
      .filter(({ level, title }) => level === "warning" && title.endsWith("so can do what root can"))
      .map(({ title }) => title.slice("the jobs' ".length, -", and so can do what root can".length));
    expect(warnings.toSorted()).toEqual(expected.toSorted());

    await scene.readyAgent(perSlot, options);
    const logged = async () => (await scene.agentLog()).match(/and so can do what root can/g) ?? [];
    await until("all warnings are logged", async () => (await logged()).length >= expected.length);
    expect(await logged()).toHaveLength(expected.length);
  });

  test("is not named for groups and sudo rules that give no more than a user's rights", async () => {
    await using tester = await createTester(noJobUsers);
    const { program } = await createHostUsers(tester, {
      groups: ["games", "audio"],
      sudoers: "ci-1 ALL=(ALL:ALL) NOPASSWD: /bin/true, (ALL) PASSWD: ALL\nci-2 ALL=(games) NOPASSWD: ALL\n",
    });
    const { stdout } = await tester.run(["doctor", "--json", ...perSlot], { program });
    expect(stdout).toContain('jobs run as \\"ci-1\\"');
    expect(stdout).not.toContain("what root can");
  });
});

test.if(canChangeUser)(
  "an agent whose own user may write to the engine's socket logs a warning",
  async () => {
    await using scene = await createScene({}, noJobUsers);
    const { tester } = scene;
    const as = ["setpriv", `--reuid=${ordinaryUser}`, "--clear-groups"];
    const program = await programOf(tester, as);
    const socket = path.join(path.dirname(tester.home), "engine.sock");
    using _engine = openSocket(socket);
    const options = { program, env: { DOCKER_HOST: `unix://${socket}` } };
    const title = `jobs run as the agent's user, who may write to the engine's socket "${socket}", and so can do what root can`;
    const { stdout } = await tester.run(["doctor", "--json"], options);
    expect(stdout).toContain(JSON.stringify(title).slice(1, -1));
    const agent = await scene.readyAgent([], options);
    await until("the warning is logged", () => agent.stdout.includes(title));
  },
);
