import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readEarlyOptions } from "../../../src/cli/configuration/early-options.ts";
import { createFileTrust } from "../../../src/cli/configuration/file-trust.ts";
import type { DeclaredOptions, EffectiveConfig } from "../../../src/core/contracts/options.ts";
import { tmpdir } from "../../../src/testing/index.ts";

test.each([
  ["agent", "link/../hook"],
  ["session", "link/../hook"],
  ["session", "~/link/../hook"],
])(
  "the script that an option of the %s names as %s is examined where it is executed",
  async (place, value) => {
    await using home = await tmpdir();
    const open = join(home.path, "open");
    mkdirSync(join(open, "target"), { recursive: true });
    symlinkSync(join(open, "target"), join(home.path, "link"));
    for (const directory of [home.path, open]) writeFileSync(join(directory, "hook"), "");
    chmodSync(open, 0o777);
    const sources = { argv: [], env: { HOME: home.path }, cwd: home.path };
    const trust = createFileTrust({
      ...sources,
      early: readEarlyOptions(sources),
      isInWorkingDirectory: false,
    });
    const declared = [
      { owner: { name: "hooks" }, options: [{ name: "hook", key: "hook", schema: { script: place } }] },
    ] as unknown as DeclaredOptions[];
    const config = { options: [], of: () => ({ hook: value }) } as unknown as EffectiveConfig;
    expect(trust?.findScriptFaults(declared, config)).toEqual([
      expect.stringContaining(`every user may write to "${open}"`),
    ]);
  },
);
