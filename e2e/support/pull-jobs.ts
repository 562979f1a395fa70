import { expect } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { type ContainerScene, containerJob } from "./containers.ts";

export const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A job in a container of this image, with credentials of registries. */
export function jobWith(
  image: string,
  credentials: readonly Readonly<Record<string, string>>[] = [],
  files: readonly unknown[] = [],
) {
  const compose = {
    image_pull_credentials: credentials.map((values) => ({ env_vars: variables(values), files })),
  };
  return containerJob(["echo it runs"], [{ image }], { compose });
}

/** Nothing of the credentials is anywhere but in the request. */
export async function expectNoTrace(scene: ContainerScene, output: string, secret: string): Promise<void> {
  expect(output).not.toContain(secret);
  expect(existsSync(path.join(scene.tester.home, ".docker"))).toBe(false);
  const log = Bun.file(path.join(scene.tester.temporary, "agent_log"));
  if (await log.exists()) expect(await log.text()).not.toContain(secret);
}

function variables(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([name, value]) => ({ name, value: base64(value) }));
}
