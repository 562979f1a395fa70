/** A file of the page, compressed with gzip. */
export interface Asset {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Returns the files of the page by their paths: of the build, or bundled once from the sources. */
export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  // The build replaces this by the texts of `bundlePage`.
  const packed = process.env["SIGNALMAN_PAGE"];
  const texts =
    packed === undefined
      ? await (await import("./bundle.ts")).bundlePage()
      : (JSON.parse(packed) as Readonly<Record<string, string>>);
  return new Map(
    Object.entries(texts).map(([path, base64]) => [
      path,
      { type: types[path.slice(path.lastIndexOf("."))] ?? "", bytes: Buffer.from(base64, "base64") },
    ]),
  );
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
