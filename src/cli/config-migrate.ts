import { resolve } from "node:path";
import { toShutdownSeconds, toServiceUnit } from "../os/systemd/unit-settings.ts";
import { isSecret, redact, toPlain } from "../core/logger/line.ts";
import { type Comparison, compare, type Note } from "./migrate/compare.ts";
import { findInstallation, type Installation } from "./migrate/installation.ts";
import { putFile, toConfigText } from "./migrate/write.ts";
import { toPrintable } from "../core/printable.ts";
import { defineCommand } from "../core/contracts/command.ts";

export default defineCommand({
  meta: {
    name: "config migrate",
    description: "read the installation of another Semaphore agent, and say what stays and what changes",
  },
  configuration: "lenient",
  reportsFaults: true,
  log: "stderr",
  args: {
    from: { type: "string", valueHint: "path", description: "its configuration file, or its directory" },
    service: { type: "string", valueHint: "file", description: "the file of its systemd unit" },
    write: { type: "string", valueHint: "file", description: "write a configuration file (YAML, 0600)" },
    force: { type: "boolean", description: "write it in the place of another" },
    unit: { type: "boolean", description: "print a systemd unit, and nothing else" },
    json: { type: "boolean", description: "print JSON" },
  },
  async run({ args, program }) {
    const cwd = process.cwd();
    const installation = await findInstallation({ from: args.from, unit: args.service, cwd });
    const comparison = await compare(installation, { declared: program.declared, cwd });
    const written = args.write === undefined ? undefined : resolve(cwd, args.write);
    if (written !== undefined) {
      const text = toConfigText(comparison.config, comparison.notes);
      putFile(written, text, { isForced: args.force === true });
    }

    const secrets = new Set(comparison.secrets.filter(isSecret));
    const notes = toPlain(comparison.notes, secrets) as readonly Note[];
    const unit = redact(toUnit(installation, comparison, written), secrets);
    const found = { config: installation.config ?? null, unit: installation.unit?.path ?? null };
    if (args.json) {
      const answer = { ...found, written: written ?? null, notes, proposedUnit: unit };
      process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    } else if (args.unit) {
      process.stdout.write(unit);
    } else {
      process.stdout.write(`${render(found, notes, written)}\n`);
    }
    if (notes.some(({ kind }) => kind === "refused")) process.exitCode = 1;
  },
});

const titles: Readonly<Record<Note["kind"], string>> = {
  refused: "Refused: no agent starts with this",
  changes: "Changes: do something about this",
  deprecated: "Deprecated: works still",
  stays: "Stays as it is",
};

function render(
  { config, unit }: { readonly config: string | null; readonly unit: string | null },
  notes: readonly Note[],
  written: string | undefined,
): string {
  const sections = (Object.keys(titles) as Note["kind"][]).flatMap((kind) => {
    const some = notes.filter((note) => note.kind === kind);
    const lines = some.map(({ subject, text }) => `  ${subject}: ${toPrintable(text).replaceAll("\n", " ")}`);
    return some.length === 0 ? [] : ["", titles[kind], ...lines];
  });
  const next = written ?? config;
  return [
    `configuration: ${config ?? "none"}`,
    `unit: ${unit ?? "none"}`,
    ...sections,
    "",
    ...(written === undefined ? [] : [`wrote ${written} (0600)`]),
    ...(next === null ? [] : [`next: signalman doctor --config-file ${next}, as the agent's user`]),
  ].join("\n");
}

/** What starts the agent stays at its path, where others look for it; what was written holds the flags it had. */
function toUnit({ config, unit }: Installation, comparison: Comparison, written: string | undefined): string {
  const last = (name: string) => unit?.service.get(name)?.at(-1);
  const file = written ?? config;
  const start = `${unit?.program || "/usr/local/bin/signalman"} start`;
  const command = file === undefined ? start : `${start} --config-file ${toWord(file)}`;
  return toServiceUnit({
    shutdownSeconds: toShutdownSeconds(comparison.config),
    command: written === undefined ? (last("ExecStart") ?? command) : command,
    user: last("User"),
    workingDirectory: last("WorkingDirectory"),
    environment: unit?.service.get("Environment") ?? [],
  });
}

function toWord(path: string): string {
  return /^[\w./@:-]+$/.test(path) ? path : JSON.stringify(path.replaceAll("%", "%%"));
}
