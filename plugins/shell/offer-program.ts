import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { quote, type Session } from "signalman/terminal";

/** Puts the directory of this program last into a job's PATH, where the login profile's PATH has no `signalman`: jobs call `signalman redact`. */
export async function offerProgram(session: Session): Promise<void> {
  const directory = dirname(process.execPath);
  // Run from its source, the program is Bun, which is no business of a job's.
  if (!existsSync(join(directory, "signalman"))) return;
  const command = `type -P signalman >/dev/null || PATH="${"${PATH-}"}:"${quote(directory)}`;
  await session.run(command, () => {}, { silent: true });
}
