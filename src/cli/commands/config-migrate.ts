import { resolve } from "node:path";
import { defineCommand } from "../../core/contracts/command.ts";
import { isSecret, redact, toPlain } from "../../core/logger/line.ts";
import { compare } from "../migrate/compare.ts";
import { findInstallation } from "../migrate/installation.ts";
import { toConfigText, writeConfig, toProposedUnit } from "../migrate/proposals.ts";
import type { Note } from "../migrate/notes.ts";
import { renderReport } from "../migrate/report.ts";
import { print, printJson } from "../output/print.ts";

export default defineCommand({
  meta: {
    name: "config migrate",
    description: "convert the installation of a Semaphore agent and report what changes",
  },
  group: "configure",
  examples: [
    { line: "signalman config migrate --from /opt/semaphore/agent", purpose: "report what changes" },
    {
      line: "signalman config migrate --from config.yaml --write signalman.yaml",
      purpose: "write the new configuration",
    },
    { line: "signalman config migrate --unit", purpose: "print a systemd unit" },
  ],
  configuration: "lenient",
  reportsFaults: true,
  log: "stderr",
  args: {
    from: {
      type: "string",
      valueHint: "path",
      description: "configuration file of the agent, or the directory of its installation",
    },
    service: { type: "string", valueHint: "file", description: "systemd unit file of the agent" },
    write: {
      type: "string",
      valueHint: "file",
      description: "write a configuration file for Signalman (YAML, mode 0600)",
    },
    force: { type: "boolean", description: "overwrite an existing file" },
    unit: { type: "boolean", description: "print only a systemd unit for Signalman" },
    json: { type: "boolean", description: "print JSON" },
  },
  async run({ args, program }) {
    const cwd = process.cwd();
    const installation = await findInstallation({ from: args.from, unit: args.service, cwd });
    const comparison = await compare(installation, { declared: program.declared, cwd });
    const { config } = comparison;
    const written = args.write === undefined ? undefined : resolve(cwd, args.write);
    if (written !== undefined) {
      writeConfig(written, toConfigText(config, comparison.notes), { isForced: args.force === true });
    }

    const secrets = new Set(comparison.secrets.filter(isSecret));
    const notes = toPlain(comparison.notes, secrets) as readonly Note[];
    const unit = redact(toProposedUnit(installation, { config, written }), secrets);
    const files = {
      config: installation.config ?? null,
      unit: installation.unit?.path ?? null,
      written: written ?? null,
    };
    if (args.json) {
      printJson({ ...files, notes, proposedUnit: unit }, 2);
    } else if (args.unit) {
      print(unit.trimEnd());
    } else {
      print(renderReport(files, notes));
    }
    if (notes.some(({ kind }) => kind === "refused")) process.exitCode = 1;
  },
});
