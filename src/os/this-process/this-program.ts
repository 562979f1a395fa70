/**
 * The command line that starts this program again, in the version that is running: `/proc/self/exe` stays
 * valid when the file on disk is replaced. From source the program is Bun, with the flags that it was started
 * with.
 */
export function toThisProgram(): string[] {
  const self = process.platform === "linux" ? "/proc/self/exe" : process.execPath;
  return Bun.main.startsWith("/$bunfs/") ? [self] : [self, ...process.execArgv, Bun.main];
}
