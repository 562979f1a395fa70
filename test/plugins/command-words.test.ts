import { expect, setDefaultTimeout, test } from "bun:test";
import { directoryWith, run } from "./fixtures.ts";

setDefaultTimeout(60_000);

const files = {
  "signalman.config.yaml": "plugins:\n  ./stage.ts: {}\n",
  "stage.ts": `
import { definePlugin } from "signalman";
export default definePlugin({
  name: "stage",
  commands: { stage: () => import("./command.ts"), "stage light": () => import("./light.ts") },
  setup() {},
});`,
  "command.ts": `
import { defineCommand } from "signalman";
export default defineCommand({
  meta: { name: "stage", description: "sets the stage" },
  args: { play: { type: "positional", description: "a play", required: false } },
  run: ({ args }) => console.log("stage", args.play),
});`,
  "light.ts": `
import { AgentError, defineCommand } from "signalman";
export default defineCommand({
  meta: { name: "stage light", description: "lights the stage" },
  args: { colour: { type: "positional", description: "a colour", required: true } },
  run({ args }) {
    if (args.colour === "black") throw new AgentError("USAGE_INVALID", '"black" is no colour of light');
    if (args.colour === "red") throw new Error("the lamp burst");
    console.log("light", args.colour);
  },
});`,
};

test("a plugin's command can have two words, and the longest name takes precedence", async () => {
  await using directory = await directoryWith(files);
  const say = async (...args: string[]): Promise<string> =>
    (await run(args, { cwd: directory.path })).stdout.trim();
  expect(await say("stage", "light", "blue")).toBe("light blue");
  expect(await say("stage", "hamlet")).toBe("stage hamlet");
  const light = await say("stage", "light", "--help");
  expect(light).toStartWith("lights the stage\n\nUsage: signalman stage light <colour> [options]\n");
  expect(await say("help", "stage", "light")).toBe(light);
  const stage = await say("stage", "--help");
  expect(stage).toContain("Usage: signalman stage [play] [options]\n");
  expect(stage).toContain("Commands:\n  stage light                     lights the stage\n");
});

test("a usage error of a plugin's command is not a failure of the plugin", async () => {
  await using directory = await directoryWith(files);
  const wrong = await run(["stage", "light", "black"], { cwd: directory.path });
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    'error: "black" is no colour of light\nsee "signalman help"\n',
  ]);
  const failed = await run(["stage", "light", "red"], { cwd: directory.path });
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain(
    'plugin "stage" failed in command "stage light" (light.ts:8): the lamp burst',
  );
});

test.each(["run light", "hooks", "options light"])(
  "the command %p, which begins with a word of the program, is rejected",
  async (name) => {
    const taken = files["stage.ts"].replaceAll("stage light", name);
    await using directory = await directoryWith({ ...files, "stage.ts": taken });
    const { code, stderr } = await run(["stage"], { cwd: directory.path });
    expect(code).toBe(2);
    expect(stderr).toContain(`plugin "stage" adds command "${name}", which signalman itself already has`);
  },
);

test("the help page of a command whose declaration is wrong names its plugin", async () => {
  const wrong = files["light.ts"].replace("  meta:", "  examples: 5,\n  meta:");
  await using directory = await directoryWith({ ...files, "light.ts": wrong });
  const { code, stdout, stderr } = await run(["stage", "light", "--help"], { cwd: directory.path });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain('plugin "stage" failed in the declaration of command "stage light"');
});
