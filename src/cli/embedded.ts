/** Unpacks texts that the build has embedded (`scripts/build.ts`): JSON, compressed with zstd, in base64. */
export function unpackTexts(packed: string): Readonly<Record<string, string>> {
  const text = new TextDecoder().decode(Bun.zstdDecompressSync(Buffer.from(packed, "base64")));
  return JSON.parse(text) as Record<string, string>;
}
