import { contractVersion } from "../../core/version.ts";
import config from "./config.ts.txt" with { type: "text" };
import index from "./index.ts.txt" with { type: "text" };
import packageJson from "./package.json.txt" with { type: "text" };
import test from "./plugin.test.ts.txt" with { type: "text" };
import readme from "./README.md.txt" with { type: "text" };
import tsconfig from "./tsconfig.json.txt" with { type: "text" };

/** Returns the files of a new plugin: path → text. */
export function toPluginFiles(name: string): Readonly<Record<string, string>> {
  const variable = name.toUpperCase().replaceAll("-", "_");
  const range = `>=${contractVersion.split(".", 2).join(".")}`;
  const fill = (text: string): string =>
    text.replaceAll("NAME", name).replaceAll("VARIABLE", variable).replaceAll("RANGE", range);
  return {
    "index.ts": fill(index),
    "config.ts": fill(config),
    [`${name}.test.ts`]: fill(test),
    "package.json": fill(packageJson),
    "README.md": fill(readme),
    "tsconfig.json": fill(tsconfig),
  };
}
