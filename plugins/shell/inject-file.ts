import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { decodeBase64, toMessage, type JobFile, type Output } from "signalman";
import { asUser, type JobUser } from "signalman/executor";

/** Writes a file and returns the fault, if there is one. */
export type WriteFile = (
  path: string,
  mode: string,
  content: Uint8Array,
) => Fault | undefined | Promise<Fault | undefined>;

export interface Fault {
  readonly line: string;
  readonly code: number;
}

export interface InjectOptions {
  readonly home: string;
  readonly output: Output;
  readonly write: WriteFile;
}

/** Writes files of the request. Resolves to the exit code of the first one that fails. */
export async function injectFiles(files: readonly JobFile[], options: InjectOptions): Promise<number> {
  for (const file of files) {
    const code = await injectFile(file, options);
    if (code !== 0) return code;
  }
  return 0;
}

/**
 * Returns a writer that writes on this host with the rights of `user`, if there is one. A file with mode 0600
 * is at no time readable by other users.
 */
export function createHostWriter(user: JobUser | undefined): WriteFile {
  return (path, mode, content) => asUser(user, () => writeFile(path, mode, content));
}

/**
 * Writes one file of the request (protocol sections 3.3, 6.2, 7). Resolves to the exit code: 255 when the
 * content could not be written, 1 for any other fault.
 */
async function injectFile(file: JobFile, { home, output, write }: InjectOptions): Promise<number> {
  const path = toPath(file.path, home);
  output(`Injecting ${path} with file mode ${file.mode}\n`);
  const content = decodeBase64(file.content);
  const fault =
    content === undefined
      ? { line: "Failed to decode the content of the file.", code: 1 }
      : await write(path, file.mode, content);
  if (fault === undefined) return 0;
  output(`${fault.line}\n`);
  return fault.code;
}

/** A FIFO, a device or a leased file of the job must not make this process wait. */
const openFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

function writeFile(path: string, mode: string, content: Uint8Array): Fault | undefined {
  const directory = dirname(path);
  const toFault = (what: string, error: unknown, code = 1) => ({
    line: `${what}: ${toMessage(error)}`,
    code,
  });
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  } catch (error) {
    return toFault(`Failed to create directory '${directory}'`, error);
  }
  const badMode = findModeFault(mode);
  if (badMode) return badMode;
  let fd: number;
  try {
    fd = openSync(path, openFlags, 0o600);
  } catch (error) {
    return toFault(`Failed to create destination path '${path}'`, error);
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Error("it is not a regular file");
    ftruncateSync(fd);
  } catch (error) {
    closeSync(fd);
    return toFault(`Failed to create destination path '${path}'`, error);
  }
  try {
    fchmodSync(fd, Number.parseInt(mode, 8) & 0o7777);
  } catch (error) {
    closeSync(fd);
    return toFault(`Failed to set file mode '${mode}' for '${path}'`, error);
  }
  try {
    writeFileSync(fd, content);
    return undefined;
  } catch (error) {
    return toFault(`Failed to write the content of '${path}'`, error, 255);
  } finally {
    closeSync(fd);
  }
}

export function findModeFault(mode: string): Fault | undefined {
  return /^[0-7]{1,5}$/.test(mode) ? undefined : { line: `bad file permission '${mode}'`, code: 1 };
}

function toPath(path: string, home: string): string {
  if (isAbsolute(path)) return path;
  if (path.startsWith("~")) return path.replaceAll("~", home);
  return join(home, path);
}
