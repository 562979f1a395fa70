import { expect, test } from "bun:test";
import path from "node:path";
import { withoutAddons } from "./addons.ts";
import { separateSdkLibrary } from "./sdk-library.ts";

const root = path.dirname(path.dirname(import.meta.dir));

test("a start loads only what the program uses of valibot, and plugins get all of it", async () => {
  const { metafile } = await Bun.build({
    entrypoints: [path.join(root, "src/main.ts")],
    plugins: [withoutAddons, separateSdkLibrary],
    target: "bun",
    format: "esm",
    splitting: true,
    minify: true,
    metafile: true,
  });
  const sizeOf = (file: string) =>
    Object.values(metafile!.outputs)
      .flatMap(({ inputs }) => Object.entries(inputs))
      .filter(([name]) => name.endsWith(`valibot/dist/${file}`))
      .reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);
  const [used, whole] = [sizeOf("index.mjs"), sizeOf("index.min.mjs")];
  expect(used).toBeGreaterThan(0);
  expect(whole).toBeGreaterThan(4 * used);

  // Only the SDK that external files import has it.
  const chunks = Object.entries(metafile!.outputs).filter(([, { inputs }]) =>
    Object.keys(inputs).some((name) => name.endsWith("index.min.mjs")),
  );
  expect(chunks.map(([, { entryPoint }]) => entryPoint)).toEqual(["sdk:lent"]);
});
