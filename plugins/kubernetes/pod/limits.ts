import type { JobLimits } from "signalman";
import type { Pod } from "../client/objects.ts";
import { mainContainer } from "./build-pod.ts";

/** Returns the limits of the container in which a job's commands run: those of the options and of the pod spec. */
export function findLimits({ spec }: Pod): JobLimits {
  const main = spec.containers?.find(({ name }) => name === mainContainer);
  const { limits } = Object(main?.["resources"]) as { readonly limits?: unknown };
  const { memory, cpu } = Object(limits) as Readonly<Record<string, unknown>>;
  const [memoryBytes, cpus] = [parseQuantity(memory), parseQuantity(cpu)];
  return {
    ...(memoryBytes !== undefined && { memoryBytes: Math.ceil(memoryBytes) }),
    ...(cpus !== undefined && { cpus }),
  };
}

/** Parses a quantity of Kubernetes: `1536Mi`, `500m`, `1e9`. `undefined` when it is none, and for 0: no limit. */
function parseQuantity(value: unknown): number | undefined {
  const [, number = "", suffix = ""] = /^(\d+\.?\d*|\.\d+)(\D.*)?$/.exec(String(value)) ?? [];
  const factor = /^[eE][+-]?\d{1,2}$/.test(suffix) ? Number(`1${suffix}`) : factors.get(suffix);
  if (number === "" || factor === undefined) return undefined;
  // Rounded, since 0.1 × 3 is not 0.3.
  return Number((Number(number) * factor).toPrecision(12)) || undefined;
}

const factors: ReadonlyMap<string, number> = new Map([
  ["n", 1e-9],
  ["u", 1e-6],
  ["m", 1e-3],
  ["", 1],
  ...["k", "M", "G", "T", "P", "E"].flatMap((unit, index): [string, number][] => [
    [unit, 1000 ** (index + 1)],
    [`${unit.toUpperCase()}i`, 1024 ** (index + 1)],
  ]),
]);
