import { expect, test } from "bun:test";
import path from "node:path";
import { withoutAddons } from "../../scripts/build/addons.ts";
import { tmpdir } from "../../src/testing/index.ts";

test.each(["built", "missing"])(
  "the binary contains no native add-on (%s), and a package does without",
  async (name) => {
    await using folder = await tmpdir();
    await Bun.write(path.join(folder.path, "built.node"), "machine code");
    const entry = path.join(folder.path, "entry.js");
    await Bun.write(
      entry,
      `let found = "an add-on"; try { require("./${name}.node"); } catch { found = "none"; } console.log(found);`,
    );
    const { outputs } = await Bun.build({ entrypoints: [entry], target: "bun", plugins: [withoutAddons] });
    expect(outputs).toHaveLength(1);
    const program = path.join(folder.path, "program.js");
    await Bun.write(program, outputs[0]!);
    const { stdout, exitCode } = Bun.spawnSync([process.execPath, program]);
    expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: "none\n" });
  },
);
