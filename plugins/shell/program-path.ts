import { dirname } from "node:path";
import { findProgram, quote, type Session } from "signalman/executor";

/**
 * Appends the directory of this program to a job's PATH, unless PATH already has a `signalman`: jobs call
 * `signalman redact`.
 */
export async function addProgramToPath(session: Session): Promise<void> {
  const program = findProgram();
  if (program === undefined) return;
  const command = `type -P signalman >/dev/null || PATH="${"${PATH-}"}:"${quote(dirname(program))}`;
  await session.run(command, () => {}, { silent: true });
}
