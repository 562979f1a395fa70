import { cp } from "node:fs/promises";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import { createTester, root, type StartOptions, type Tester } from "../support/fixtures.ts";

/** Options that load the example of a tester. */
export const exampleFlags = ["--config-file", "operator.json"];

/** Creates a tester with an example plugin, as an operator would install it. */
export async function createExampleTester(
  name: string,
  config: object,
  options: object = {},
): Promise<Tester> {
  const tester = await createTester();
  await copyExample(tester, name, config, options);
  return tester;
}

/** Creates a hub, and agents with an example plugin. */
export async function createExampleScene(name: string, config: object, options: object = {}) {
  const scene = await createScene();
  const file = await copyExample(scene.tester, name, config, { extends: "./fast.json", ...options });
  return {
    ...scene,
    startAgent: (startOptions?: StartOptions) => scene.readyAgent(["--config-file", file], startOptions),
  };
}

/**
 * Copies an example beside a configuration that loads it. No other file of the project is available there.
 */
async function copyExample(tester: Tester, name: string, config: object, options: object): Promise<string> {
  const from = path.join(root, "docs/examples/plugins", name);
  await cp(from, path.join(tester.home, name), {
    recursive: true,
    filter: (file) => !/\.test\.ts$|-double\.ts$/.test(file),
  });
  return tester.write("operator.json", JSON.stringify({ plugins: { [`./${name}`]: config }, ...options }));
}
