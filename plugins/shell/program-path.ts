import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { quote, type Session } from "signalman/executor";

/**
 * Appends the directory of this program to a job's PATH, unless PATH already has a `signalman`: jobs call
 * `signalman redact`.
 */
export async function addProgramToPath(session: Session): Promise<void> {
  const directory = dirname(process.execPath);
  // A program that runs from source is Bun itself, which jobs do not need.
  if (!existsSync(join(directory, "signalman"))) return;
  const command = `type -P signalman >/dev/null || PATH="${"${PATH-}"}:"${quote(directory)}`;
  await session.run(command, () => {}, { silent: true });
}
