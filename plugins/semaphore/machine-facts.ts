import { readFileSync } from "node:fs";
import { endianness, hostname, release } from "node:os";

/** The facts about a host that the control plane shows (protocol section 2.1). */
export interface MachineFacts {
  readonly os: string;
  readonly arch: string;
  readonly hostname: string;
}

export async function readMachineFacts(): Promise<MachineFacts> {
  return { os: await describeSystem(), arch: toWireArch(process.arch), hostname: hostname() };
}

/** Returns the architecture's name as the reference agent sends it: Go's name, except for x86. */
export function toWireArch(arch: string): string {
  if (arch === "x64") return "x86_64";
  if (arch === "ia32") return "x86";
  return arch === "ppc64" && endianness() === "LE" ? "ppc64le" : arch;
}

/** Returns `PRETTY_NAME`, or else `NAME`, of the first file that has one of them. */
export function toSystemName(releaseFiles: readonly string[]): string {
  for (const text of releaseFiles) {
    for (const key of ["PRETTY_NAME", "NAME"]) {
      const [, quoted] = new RegExp(`^${key}=(.*)$`, "m").exec(text) ?? [];
      const value = quoted?.trim().replace(/^(["'])(.*)\1$/, "$2");
      if (value) return value;
    }
  }
  return "";
}

async function describeSystem(): Promise<string> {
  switch (process.platform) {
    case "linux":
      return toSystemName(["/etc/os-release", "/etc/lsb-release"].map(readText));
    case "darwin":
      return readMacVersion();
    case "win32": {
      const [major = "", minor = "", build = ""] = release().split(".");
      return `Windows ${major}.${minor} - Build ${build}`;
    }
    default:
      return "";
  }
}

/** Small local files: a thread that reads them would take longer. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function readMacVersion(): Promise<string> {
  try {
    const read = async (key: string) => (await Bun.$`sw_vers ${key}`.quiet().text()).trim();
    return (await Promise.all(["-productName", "-productVersion", "-buildVersion"].map(read))).join(" ");
  } catch {
    return "";
  }
}
