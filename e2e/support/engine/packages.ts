/** Installs what a command comes with, where this machine lets us: Debian, as root. */
export async function needCommand(command: string, debianPackage: string): Promise<void> {
  if (Bun.which(command, { PATH: searchPath }) !== null) return;
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) {
    throw new Error(`"${command}" is not installed (Debian package: ${debianPackage})`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", debianPackage];
  for (const words of [["apt-get", "update", "--quiet"], install]) {
    const { exitCode, stderr } = Bun.spawnSync(words, { env, stdout: "ignore", stderr: "pipe" });
    if (exitCode !== 0) throw new Error(`"${words.join(" ")}" failed: ${stderr.toString().trim()}`);
  }
}

/** Daemons and installers are in directories that not every user's PATH has. */
const searchPath = [process.env.PATH, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(":");
