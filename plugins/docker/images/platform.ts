/**
 * Whether an image's platform (`linux/amd64`) matches the configured one (`linux/arm64/v8`, `arm64`).
 * Variants are not compared.
 */
export function matchesPlatform(platform: string | undefined, wanted: string | undefined): boolean {
  if (platform === undefined || wanted === undefined) return platform !== undefined;
  const [os, architecture] = platform.split("/");
  const words = wanted.toLowerCase().split("/");
  if (words.length === 1) return [os, architecture].includes(toArchitecture(words[0]!));
  return words[0] === os && toArchitecture(words[1]!) === architecture;
}

/** Replaces the aliases of architectures that engines accept. */
function toArchitecture(architecture: string): string {
  const names: Readonly<Record<string, string>> = { aarch64: "arm64", x86_64: "amd64", "x86-64": "amd64" };
  return names[architecture] ?? architecture;
}
