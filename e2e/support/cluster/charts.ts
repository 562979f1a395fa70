import { existsSync } from "node:fs";
import path from "node:path";
import { run } from "./command.ts";
import { findGo } from "./go.ts";
import { directories, files } from "./layout.ts";

const helmVersion = "v3.19.0";
const kedaVersion = "v2.17.2";
const buildMs = 25 * 60_000;
const goEnvironment = { CGO_ENABLED: "0", GOTOOLCHAIN: "local" };

/** Runs Helm, which is built from its Go module at the first call (two minutes on an idle machine). */
export async function helm(args: readonly string[]): Promise<string> {
  const program = path.join(directories.bin, "helm");
  if (!existsSync(program)) {
    const env = { ...goEnvironment, GOBIN: directories.bin };
    await run([await findGo(), "install", `helm.sh/helm/v3/cmd/helm@${helmVersion}`], {
      env,
      timeoutMs: buildMs,
    });
  }
  return run([program, "--kubeconfig", files.kubeconfig, ...args], { timeoutMs: 120_000 });
}

/** Files that define KEDA's kinds of objects, from its Go module. */
export async function kedaDefinitions(): Promise<readonly string[]> {
  const module = `github.com/kedacore/keda/v2@${kedaVersion}`;
  const text = await run([await findGo(), "mod", "download", "-json", module], {
    env: goEnvironment,
    timeoutMs: buildMs,
  });
  const { Dir } = JSON.parse(text) as { Dir: string };
  const names = ["scaledjobs", "triggerauthentications"];
  return names.map((name) => path.join(Dir, "config", "crd", "bases", `keda.sh_${name}.yaml`));
}
