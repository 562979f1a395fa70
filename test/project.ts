import { createSdkLender } from "../src/cli/program/lend-sdk.ts";
import { readFileSync } from "node:fs";
import path from "node:path";

export const root = path.dirname(import.meta.dir);

/** Lists the project's files by glob, relative to its root, without installed, built and generated files. */
export function filesOf(...patterns: string[]): string[] {
  const isForeign = /(^|\/)(node_modules|dist|\.toolchain|\.git)(\/|$)/;
  const files = patterns.flatMap((pattern) =>
    Array.from(new Bun.Glob(pattern).scanSync({ cwd: root, dot: true })).filter(
      (file) => !isForeign.test(file),
    ),
  );
  return [...new Set(files)].sort();
}

export function textOf(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** Provides the SDK to outside plugins, like the program. */
export const lendSdk = createSdkLender({
  signalman: () => import("../src/index.ts"),
  "signalman/executor": () => import("../src/executor.ts"),
  "signalman/host": () => import("../src/host.ts"),
  "signalman/http": () => import("../src/http.ts"),
  "signalman/testing": () => import("../src/testing/index.ts"),
});
