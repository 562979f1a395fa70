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

/** Writes files of the request. Returns the exit code of the first one that fails. */
export function injectFiles(
  files: readonly JobFile[],
  {
    home,
    output,
    user,
  }: { readonly home: string; readonly output: Output; readonly user: JobUser | undefined },
): number {
  for (const file of files) {
    const code = injectFile(file, home, output, user);
    if (code !== 0) return code;
  }
  return 0;
}

/**
 * Writes one file of the request (protocol sections 3.3, 6.2, 7), with the rights of `user` if there is one.
 * Returns the exit code: 255 when the content could not be written, 1 for any other fault. A file with mode
 * 0600 is at no time readable by other users.
 */
function injectFile(file: JobFile, home: string, output: Output, user?: JobUser): number {
  const path = toPath(file.path, home);
  output(`Injecting ${path} with file mode ${file.mode}\n`);
  const content = decodeBase64(file.content);
  const fault =
    content === undefined
      ? { line: "Failed to decode the content of the file.", code: 1 }
      : asUser(user, () => writeFile(path, file.mode, content));
  if (fault === undefined) return 0;
  output(`${fault.line}\n`);
  return fault.code;
}

/** A FIFO, a device or a leased file of the job must not make this process wait. */
const openFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

interface Fault {
  readonly line: string;
  readonly code: number;
}

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
  if (!/^[0-7]{1,5}$/.test(mode)) return { line: `bad file permission '${mode}'`, code: 1 };
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

function toPath(path: string, home: string): string {
  if (isAbsolute(path)) return path;
  if (path.startsWith("~")) return path.replaceAll("~", home);
  return join(home, path);
}
