import { defineCommand } from "../../core/contracts/command.ts";
import { print } from "../output/print.ts";

/** What a build embeds, see scripts/build.ts. A program that runs from its sources has nothing of it. */
interface Build {
  readonly commit: string;
  /** ISO 8601. */
  readonly built: string;
  /** Bun's name of the platform. */
  readonly target: string;
  /** `<name>@<version>` of each npm package in the program, and of Bun. */
  readonly packages: readonly string[];
  /** SPDX expressions of their licences. */
  readonly licenses: readonly string[];
}

export default defineCommand({
  meta: { name: "version", description: "print the version" },
  group: "operate",
  examples: [{ line: "signalman version --json", purpose: "print what the program contains" }],
  args: {
    json: { type: "boolean", description: "print JSON: version, commit, time, platform, packages, licences" },
  },
  configuration: "none",
  log: "stderr",
  run({ program, args }) {
    print(
      args.json
        ? JSON.stringify({ version: program.version, ...readBuild() }, undefined, 2)
        : program.version,
    );
  },
});

function readBuild(): Build {
  const embedded = process.env.SIGNALMAN_BUILD;
  if (embedded !== undefined) return JSON.parse(embedded) as Build;
  const target = `bun-${process.platform}-${process.arch}`;
  return { commit: "unknown", built: "unknown", target, packages: [`bun@${Bun.version}`], licenses: [] };
}
