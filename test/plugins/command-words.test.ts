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
  expect(await say("stage", "light", "--help")).toStartWith(
    "Usage: signalman stage light <colour> [options]",
  );
  expect(await say("help", "stage", "light")).toStartWith("Usage: signalman stage light <colour> [options]");
  expect(await say("stage", "--help")).toStartWith("Usage: signalman stage [play] [options]");
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

test("a command of two words that starts with a built-in command is rejected", async () => {
  const taken = files["stage.ts"].replaceAll("stage light", "run light");
  await using directory = await directoryWith({ ...files, "stage.ts": taken });
  const { code, stderr } = await run(["stage"], { cwd: directory.path });
  expect(code).toBe(2);
  expect(stderr).toContain('plugin "stage" adds command "run light", which signalman itself already has');
});
