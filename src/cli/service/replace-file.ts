import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";

/** Writes a file by a rename. Throws `FILE_FAILED`. */
export function replaceFile(path: string, text: string, mode: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const temporary = join(dirname(path), `.${basename(path)}.new`);
    rmSync(temporary, { force: true });
    writeFileSync(temporary, text, { mode, flag: "wx" });
    renameSync(temporary, path);
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `cannot write "${path}": ${toMessage(cause)}`, { cause });
  }
}
