// The platforms of a release, and the names of their files (protocol section 9).

/** A kind of package: of Debian, Red Hat, Alpine. */
export type Packager = "deb" | "rpm" | "apk";

/** A platform for which a binary is built. */
export interface Target {
  /** Bun's name of the platform. */
  readonly bun: Bun.Build.CompileTarget;
  /** The npm package with Bun's executable for it. */
  readonly runtime: string;
  /** The executable in that package. */
  readonly executable: "bin/bun" | "bin/bun.exe";
  /** Name of the archive without its extension. */
  readonly archive: string;
  /** Name of the program in the archive. */
  readonly program: "agent" | "agent.exe";
  /** Debian's and the Go toolchain's name of the processor, in the names of packages. */
  readonly packageArch: "amd64" | "arm64";
  /** The kinds of packages that are made of the program. */
  readonly packageKinds?: readonly Packager[];
}

/**
 * Bun 1.4.5 has one executable for x64 with and without AVX2 (its packages "x64" and "x64-baseline" are the
 * same file), so that there is one archive for both.
 */
export const targets: readonly Target[] = [
  linux("x64", "x86_64", ["deb", "rpm"]),
  linux("aarch64", "arm64", ["deb", "rpm"]),
  linux("x64-musl", "x86_64_musl", ["apk"]),
  linux("aarch64-musl", "arm64_musl", ["apk"]),
  other("darwin", "x64", "agent_Darwin_x86_64"),
  other("darwin", "aarch64", "agent_Darwin_arm64"),
  other("windows", "x64", "agent_Windows_x86_64"),
];

function linux(platform: string, name: string, packageKinds: readonly Packager[]): Target {
  return { ...other("linux", platform, `agent_Linux_${name}`), packageKinds };
}

function other(system: "linux" | "darwin" | "windows", platform: string, archive: string): Target {
  const isWindows = system === "windows";
  return {
    bun: `bun-${system}-${platform.replace("aarch64", "arm64")}` as Bun.Build.CompileTarget,
    runtime: `@oven/bun-${system}-${platform}`,
    executable: isWindows ? "bin/bun.exe" : "bin/bun",
    archive,
    program: isWindows ? "agent.exe" : "agent",
    packageArch: platform.startsWith("x64") ? "amd64" : "arm64",
  };
}
