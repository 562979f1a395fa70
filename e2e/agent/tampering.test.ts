import { describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { createScene, findFile, type Scene } from "../support/agents.ts";
import { outline, outputOf } from "../support/jobs.ts";
import { canChangeUser, createUniqueUser, needsChangeUser } from "../support/isolation.ts";

/** Shell pattern of the job's state directory, for use in the job itself. */
const directoryOf = (scene: Scene) => `${scene.stateDirectory}/agents/*/slot-0/jobs/$SEMAPHORE_JOB_ID`;

async function showLog(scene: Scene, id: string): Promise<string> {
  const place = ["--state-dir", scene.stateDirectory];
  const { stderr } = await scene.tester.run(["logs", id, ...place]);
  const { stdout } = await scene.tester.run(["logs", ...place]);
  return stderr + stdout;
}

describe("a job that changes its log on disk, as the agent's user,", () => {
  const changed = "another process changed the job's log";
  const forged = '{"event":"cmd_output","timestamp":1,"output":"forged\\n"}';

  test.concurrent.each([
    ["overwrites a part of it", "printf X | dd of=$f bs=1 seek=30 conv=notrunc status=none"],
    ["truncates it", ": > $f"],
    ["replaces it with a copy", "cp $f $f.new; mv $f.new $f"],
  ])("and %s: it is reported as failed, with the reason in the agent's log", async (_, change) => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await scene.hub.submit({
      commands: [`f=$(echo ${directoryOf(scene)}/events.ndjson); ${change}`, "echo after"],
    });
    expect((await scene.hub.done(id)).result).toBe("failed");
    expect(await scene.agentLog()).toMatch(new RegExp(`level=error .*job=${id} .*${changed}`));
    expect(await showLog(scene, id)).toContain("another process changed this log");
  });

  test.concurrent("and appends to it: the change of the delivered log is detected", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await scene.hub.submit({
      // The job's own events overwrite only a part of these lines.
      commands: [
        `f=$(echo ${directoryOf(scene)}/events.ndjson); for i in {1..100}; do echo '${forged}' >> $f; done`,
      ],
    });
    await scene.hub.done(id);
    expect(await scene.agentLog()).toMatch(new RegExp(`level=error .*${changed} before it was delivered`));
  });

  test.concurrent("and removes it: the complete log is delivered, and the job is reported as failed", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await scene.hub.submit({
      commands: [
        "echo started; while [ ! -e go ]; do sleep 0.05; done",
        `rm ${directoryOf(scene)}/events.ndjson`,
        "echo after",
      ],
    });
    await scene.hub.shows(id, "started");
    await scene.tester.write("go", "");
    expect((await scene.hub.done(id)).result).toBe("failed");
    const events = await scene.hub.log(id);
    expect(outputOf(events, "echo after")).toBe("after\n");
    expect(outline(events).at(-1)).toBe("end failed");
    expect(await scene.agentLog()).toMatch(new RegExp(`level=error .*${changed}.*it was removed`));
  });

  test.concurrent("but leaves it unchanged is not reported", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await scene.hub.submit({ commands: ["seq 1 100000"] });
    await scene.hub.done(id);
    expect(await scene.agentLog()).not.toContain("another process");
    expect(await showLog(scene, id)).not.toContain("another process");
  });
});

test.concurrent("`logs --json` leaves out lines that are no events, and counts them", async () => {
  await using scene = await createScene();
  await scene.readyAgent();
  const id = await scene.hub.submit({ commands: ["echo one", "echo two"] });
  await scene.hub.done(id);
  const spool = findFile(scene, "events.ndjson");
  const [first, ...others] = (await readFile(spool, "latin1")).trimEnd().split("\n");
  const mistyped = '{"event":"cmd_output","timestamp":1,"output":7}';
  const bytes = '{"event":"cmd_output","timestamp":1,"output":"\x9b31m"}';
  const damage = ["\x1b]0;title\x07\x1b[2J", mistyped, bytes, "", "{}"];
  await writeFile(spool, [first, ...damage, ...others, ""].join("\n"), "latin1");
  const { stdout, stderr } = await scene.tester.run([
    "logs",
    id,
    "--json",
    "--state-dir",
    scene.stateDirectory,
  ]);
  expect(stdout).toBe(`${[first, ...others].join("\n")}\n`);
  expect(stderr).toMatch(/^5 unreadable lines of the log left out$/m);
});

test.concurrent.if(canChangeUser)(
  `a process that a job runs as another user cannot access the job's log, request or socket${needsChangeUser}`,
  async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent();
    const { as } = createUniqueUser();
    const knock = await tester.write(
      "knock.sh",
      `for file in "$@"; do
         [ -e "$file" ] && echo "seen $file"
         cat "$file" && echo "read $file"
         echo x >> "$file" && echo "written $file"
       done 2>/dev/null
       for file in "$@"; do rm -f "$file" && [ -e "$file" ] && echo "removed $file"; done 2>/dev/null
       echo knocked`,
      0o755,
    );
    await tester.exec(["bash", "-c", 'chmod 755 "$(dirname "$HOME")" "$HOME"']);
    const command = `${as.join(" ")} sh ${knock} ${directoryOf(scene)}/* ${scene.stateDirectory}/agents/*/slot-0/run/*`;
    const id = await hub.submit({ commands: [command] });
    expect((await hub.done(id)).result).toBe("passed");
    expect(outputOf(await hub.log(id), command)).toBe("knocked\n");
  },
);
