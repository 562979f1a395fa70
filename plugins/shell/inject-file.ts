import { closeSync, fchmodSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { decodeBase64, toMessage, type JobFile, type Output } from "signalman";

/**
 * Writes one file of the request (protocol sections 3.3, 6.2, 7). Returns the exit code: 255 when the content could not be written, 1 for
 * any other fault. A file with mode 0600 is at no time readable by other users.
 */
export function injectFile(file: JobFile, home: string, output: Output): number {
  const path = toPath(file.path, home);
  output(`Injecting ${path} with file mode ${file.mode}\n`);
  const fail = (line: string, code = 1) => {
    output(`${line}\n`);
    return code;
  };

  const content = decodeBase64(file.content);
  if (content === undefined) return fail("Failed to decode the content of the file.");
  const directory = dirname(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  } catch (error) {
    return fail(`Failed to create directory '${directory}': ${toMessage(error)}`);
  }
  if (!/^[0-7]{1,5}$/.test(file.mode)) return fail(`bad file permission '${file.mode}'`);

  let fd: number;
  try {
    fd = openSync(path, "w", 0o600);
  } catch (error) {
    return fail(`Failed to create destination path '${path}': ${toMessage(error)}`);
  }
  try {
    fchmodSync(fd, Number.parseInt(file.mode, 8) & 0o7777);
  } catch (error) {
    closeSync(fd);
    return fail(`Failed to set file mode '${file.mode}' for '${path}': ${toMessage(error)}`);
  }
  try {
    writeFileSync(fd, content);
    return 0;
  } catch (error) {
    return fail(`Failed to write the content of '${path}': ${toMessage(error)}`, 255);
  } finally {
    closeSync(fd);
  }
}

function toPath(path: string, home: string): string {
  if (isAbsolute(path)) return path;
  if (path.startsWith("~")) return path.replaceAll("~", home);
  return join(home, path);
}
