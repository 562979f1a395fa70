import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { run } from "./command.ts";
import { findGo } from "./go.ts";
import { directories, files } from "./layout.ts";

const helmVersion = "v3.19.0";
const kubeconformVersion = "v0.7.0";
const kedaModule = "github.com/kedacore/keda/v2";
/** It needs Go 1.26. */
const kedaVersion = "v2.21.0";
const prometheusOperatorVersion = "v0.85.0";
const buildMs = 25 * 60_000;
const goEnvironment = { CGO_ENABLED: "0", GOTOOLCHAIN: "local" };

/** Runs Helm, which is built from its Go module at the first call (two minutes on an idle machine). */
export async function helm(args: readonly string[]): Promise<string> {
  const program = await install("helm", `helm.sh/helm/v3/cmd/helm@${helmVersion}`);
  return run([program, "--kubeconfig", files.kubeconfig, ...args], { timeoutMs: 120_000 });
}

/** Validates manifests, and resolves to kubeconform's report. Rejects when one is invalid, or of an unknown kind. */
export async function kubeconform(args: readonly string[], manifests: string): Promise<string> {
  const program = await install(
    "kubeconform",
    `github.com/yannh/kubeconform/cmd/kubeconform@${kubeconformVersion}`,
  );
  return run([program, "-verbose", ...args], { stdin: manifests });
}

/** Files that define KEDA's kinds of objects, from its Go module. */
export async function kedaDefinitions(): Promise<readonly string[]> {
  const directory = path.join(await download(`${kedaModule}@${kedaVersion}`), "config", "crd", "bases");
  const names = (await readdir(directory)).filter((name) => /^(eventing\.)?keda\.sh_.*\.yaml$/.test(name));
  return names.map((name) => path.join(directory, name));
}

/** Builds KEDA's operator from its Go module, once (five to nine minutes on two cores); returns its path. */
export async function buildKeda(): Promise<string> {
  const program = path.join(directories.bin, `keda-${kedaVersion}`);
  if (existsSync(program)) return program;
  // As in its own directory, where its replacements of other modules apply.
  const cwd = await download(`${kedaModule}@${kedaVersion}`);
  const flags = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w"];
  const command = [await findGo(), "build", ...flags, "-o", program, "./cmd/operator"];
  await run(command, { cwd, env: goEnvironment, timeoutMs: buildMs });
  return program;
}

/** The file that defines a PodMonitor, from the Go module of the Prometheus operator. */
export async function podMonitorDefinition(): Promise<string> {
  const module = `github.com/prometheus-operator/prometheus-operator@${prometheusOperatorVersion}`;
  const place = path.join(await download(module), "example", "prometheus-operator-crd");
  return path.join(place, "monitoring.coreos.com_podmonitors.yaml");
}

/** Builds a program of a Go module, once; returns its path. */
async function install(name: string, module: string): Promise<string> {
  const program = path.join(directories.bin, name);
  if (existsSync(program)) return program;
  const env = { ...goEnvironment, GOBIN: directories.bin };
  await run([await findGo(), "install", module], { env, timeoutMs: buildMs });
  return program;
}

/** Downloads a Go module; returns its directory. */
async function download(module: string): Promise<string> {
  const command = [await findGo(), "mod", "download", "-json", module];
  const text = await run(command, { env: goEnvironment, timeoutMs: buildMs });
  return (JSON.parse(text) as { readonly Dir: string }).Dir;
}
