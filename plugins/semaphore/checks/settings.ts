import { stat } from "node:fs/promises";
import { AgentError, type CheckContext, type Finding, type Logger } from "signalman";
import { findNameFault, findRefusal } from "../agent-name.ts";
import type { SemaphoreConfig } from "../config.ts";
import { chooseName, loadSettings, remedies, toSlotName } from "../settings.ts";

/** Reports settings that `start` rejects or warns about, and names that the control plane rejects. Sends no request. */
export async function checkSettings(config: SemaphoreConfig, context: CheckContext): Promise<Finding[]> {
  return [
    ...(await findFaults(config, context)),
    ...findNameFaults(config, context),
    ...(await findOpenFiles(config, context)),
  ];
}

async function findFaults(config: SemaphoreConfig, { config: all, env }: CheckContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const warn = (message: string) => {
    // These warnings end with their remedy.
    const [title = "", remedy] = message.split(/: (?=use )/);
    findings.push({ level: "warning", title, remedy: remedy ?? toRemedy(title) });
  };
  const logger: Logger = { debug() {}, info() {}, warn, error: warn, child: () => logger };
  try {
    await loadSettings(config, { env, argv: process.argv, logger, slot: 0, slots: slotsOf(all) });
    findings.unshift({ level: "ok", title: `control plane: "${config.endpoint}"` });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    for (const fault of error.message.split("\n")) {
      const remedy = toRemedy(fault);
      const title = fault.replace(" Exiting...", "").replace(` (${remedy})`, "");
      findings.push({ level: "error", title, remedy });
    }
  }
  return findings;
}

function toRemedy(fault: string): string {
  if (/endpoint/i.test(fault)) return remedies.endpoint;
  if (/token/i.test(fault)) return remedies.token;
  if (/ca-file/.test(fault)) return "set --ca-file to a PEM file that the agent's user can read";
  if (/name/i.test(fault))
    return "set --name to 8 to 80 letters, digits and - _ / +, or remove it for a random name";
  return "correct the option; `signalman config` shows each option's value and source";
}

/** Checks the names of the first and last slot: with several slots a number is appended to the name. */
function findNameFaults(config: SemaphoreConfig, { config: all, env }: CheckContext): Finding[] {
  const name = chooseName(config, env);
  if (!name) return [];
  const slots = slotsOf(all);
  const [first, last] = [toSlotName(name, { slot: 0, slots }), toSlotName(name, { slot: slots - 1, slots })];
  if (findNameFault(first, slots) !== undefined) return [];
  const refusal = findNameFault(last, slots) ?? findRefusal(last);
  if (refusal === undefined) return [];
  const title = `the control plane will reject the agent's name: ${refusal}`;
  return [{ level: "error", title, remedy: toRemedy("name") }];
}

function slotsOf({ options }: CheckContext["config"]): number {
  return Number(options.find(({ key }) => key === "slots")?.value ?? 1);
}

/** Reports files with a token that every user of this host can read. */
async function findOpenFiles(config: SemaphoreConfig, { config: all }: CheckContext): Promise<Finding[]> {
  const isInFile = all.options.some(({ key, source }) => key === "token" && source.kind === "file");
  const files = [config["token-file"], ...(isInFile ? [all.file] : [])].filter((file) => !!file);
  const found = await Promise.all(
    files.map(async (file) => ({ file, mode: (await stat(file!).catch(() => undefined))?.mode ?? 0 })),
  );
  return found
    .filter(({ mode }) => (mode & 0o004) !== 0)
    .map(({ file }) => ({
      level: "warning",
      title: `every user of this host can read the registration token in "${file}"`,
      remedy: `chmod 600 ${file}, and make the agent's user its owner`,
    }));
}
