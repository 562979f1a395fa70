import { join } from "node:path";

/** Bundles the browser's part: path → the file, compressed with gzip, in base64. */
export async function bundlePage(): Promise<Record<string, string>> {
  const folder = join(import.meta.dir, "browser");
  const { outputs } = await Bun.build({
    entrypoints: [join(folder, "main.tsx")],
    target: "browser",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const pack = (bytes: ArrayBuffer) => Buffer.from(Bun.gzipSync(bytes, { level: 9 })).toString("base64");
  const script = await outputs[0]!.arrayBuffer();
  const files = ["index.html", "page.css", "icon.svg"].map(
    async (name) => [`/${name}`, pack(await Bun.file(join(folder, name)).arrayBuffer())] as const,
  );
  return { ...Object.fromEntries(await Promise.all(files)), "/page.js": pack(script) };
}
