import { expect, test } from "bun:test";
import { createScene } from "../support/agents.ts";
import { createTester, type Tester } from "../support/fixtures.ts";
import { outline, runForEvents, until } from "../support/jobs.ts";

const plugin = `
  import { definePlugin } from "signalman";
  export default definePlugin({
    name: "vars",
    runsIn: ["job"],
    setup(ctx) {
      ctx.hook("job:start", ({ setVariable }) => setVariable("FROM_START", "start"));
      ctx.hook("job:prepare", ({ setVariable }) => setVariable("API_PASS", "hidden value", { secret: true }));
      ctx.hook("command:start", ({ index, phase, setVariable }) => {
        setVariable("STEP", phase + " " + index, { scope: "command" });
        ctx.log.info("the password is hidden value");
      });
      ctx.hook("job:finish", async ({ run }) => {
        await run("echo last: $FROM_START $API_PASS; echo step: \${STEP-unset}", { fresh: true });
      });
    },
  });`;

async function writePlugin(tester: Tester): Promise<string[]> {
  await tester.write("vars.ts", plugin);
  const options = { extends: "./fast.json", plugins: { "./vars.ts": {} } };
  return ["--config-file", await tester.write("vars.json", JSON.stringify(options))];
}

const show = 'echo "$FROM_START $API_PASS $STEP"';
const last = "echo last: $FROM_START $API_PASS; echo step: ${STEP-unset}";

test.concurrent("variables of a plugin reach commands and epilogues of a job, and are masked", async () => {
  await using tester = await createTester();
  await tester.write("fast.json", "{}");
  const flags = await writePlugin(tester);
  const job = {
    env: { FROM_START: "request", STEP: "former" },
    commands: [`set -eux; ${show}`, show],
    epilogue_always_commands: [show],
  };
  const { exitCode, events, stderr } = await runForEvents(tester, job, flags);
  expect(exitCode).toBe(0);
  const shown = outline(events);
  expect(shown[3]).toContain("start [REDACTED] commands 0\n");
  expect(shown[4]).toContain("start [REDACTED] commands 1\n");
  expect(shown[6]).toContain("start [REDACTED] epilogue-always 0\n");
  expect(shown[7]).toContain("last: start [REDACTED]\n");
  expect(shown[7]).toContain("step: former\n");
  expect(shown.slice(0, 3).join("\n")).not.toContain("API_PASS");
  expect(shown.join("\n") + stderr).not.toContain("hidden value");
  expect(shown.join("\n")).not.toMatch(/__signalman|builtin/);
});

test.concurrent("a job command sets a variable of the job's next commands", async () => {
  await using tester = await createTester();
  const login = `
    import { definePlugin, jobCommand } from "signalman";
    export default definePlugin({
      name: "login",
      runsIn: ["job"],
      setup(ctx) {
        ctx.provide(jobCommand, "login", {
          async run(_, { setVariable }) {
            await Bun.sleep(1);
            setVariable("SESSION", "hidden session", { secret: true });
            return { ok: true };
          },
        });
      },
    });`;
  await tester.write("login.ts", login);
  const file = await tester.write("login.json", JSON.stringify({ plugins: { "./login.ts": {} } }));
  const ask = `curl -s --unix-socket "$SIGNALMAN_JOB_SOCKET" http://job/login -d '{}'`;
  const job = { commands: [`${ask}; echo "now: $SESSION"`, 'echo "then: $SESSION"; test ${#SESSION} = 14'] };
  const { exitCode, events, stderr } = await runForEvents(tester, job, ["--config-file", file]);
  const shown = outline(events).join("\n");
  expect(shown).toContain("now: \n");
  expect(shown).toContain("then: [REDACTED]\n");
  expect(shown + stderr).not.toContain("hidden session");
  expect(exitCode).toBe(0);
});

test.concurrent("they stay after a resume, and are in the session after a stop", async () => {
  await using scene = await createScene();
  const flags = await writePlugin(scene.tester);
  const agent = await scene.readyAgent(flags);
  const wait = "echo waiting; while [ ! -e go ]; do sleep 0.05; done";
  const id = await scene.hub.submit({ commands: [wait, `${show}; echo ready; sleep 600`] });
  await scene.hub.shows(id, "waiting");
  agent.kill("SIGKILL");
  await agent.finished;
  await scene.readyAgent(flags);
  await scene.tester.write("go", "");
  await scene.hub.shows(id, "ready");
  await scene.hub.stopJob(id);
  expect((await scene.hub.done(id)).result).toBe("stopped");
  const shown = outline(await scene.hub.log(id));
  expect(shown.join("\n")).toContain("start [REDACTED] commands 1\nready\n");
  expect(shown).toContain(`[${last}] 0: last: start [REDACTED]\nstep: unset\n`);
  expect(await scene.agentLog()).not.toContain("hidden value");
});

test.concurrent.each<[string, string, RegExp]>([
  [
    "with an invalid name",
    'ctx.hook("command:start", ({ setVariable }) => { setVariable("1A", "x"); })',
    /plugin "bad" failed in command:start \(bad\.ts:2\): the variable "1A" cannot be set/,
  ],
  [
    "after its event",
    `ctx.hook("command:start", ({ setVariable }) => void setTimeout(() => { setVariable("A", "x"); }, 1))`,
    /uncaught error in plugin "bad" \(bad\.ts:2\): the variable "A" cannot be set: command:start is over/,
  ],
  [
    "100,000 times",
    `ctx.hook("command:start", ({ setVariable }) => { for (let i = 0; i < 100_000; i++) setVariable("A" + i, "x"); })`,
    /the variable "A1000" cannot be set: plugins can set 1000 variables in a job, and no more/,
  ],
])("a plugin that sets a variable %s is named, and the job passes", async (_, hook, report) => {
  await using scene = await createScene();
  const body = `export default { name: "bad", runsIn: ["job"], setup(ctx) {\n${hook}; } };`;
  await scene.tester.write("bad.ts", body);
  const options = { extends: "./fast.json", plugins: { "./bad.ts": {} } };
  const agent = ["--config-file", await scene.tester.write("bad.json", JSON.stringify(options))];
  await scene.readyAgent(agent);
  const id = await scene.hub.submit({ commands: ["sleep 0.5; echo $A999", "echo two"] });
  expect((await scene.hub.done(id)).result).toBe("passed");
  expect(outline(await scene.hub.log(id)).at(-1)).toBe("end passed");
  await until("the plugin is named", async () => report.test(await scene.agentLog()));
});
