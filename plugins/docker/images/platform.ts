/** Whether an image of a platform (`linux/amd64`) is one that is asked for (`linux/arm64/v8`, `arm64`). Variants are left to the engine. */
export function fits(platform: string | undefined, wanted: string | undefined): boolean {
  if (platform === undefined || wanted === undefined) return platform !== undefined;
  const [os, architecture] = platform.split("/");
  const words = wanted.toLowerCase().split("/");
  if (words.length === 1) return [os, architecture].includes(toName(words[0]!));
  return words[0] === os && toName(words[1]!) === architecture;
}

/** Other names of architectures that engines understand. */
function toName(architecture: string): string {
  const names: Readonly<Record<string, string>> = { aarch64: "arm64", x86_64: "amd64", "x86-64": "amd64" };
  return names[architecture] ?? architecture;
}
