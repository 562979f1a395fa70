import fc from "fast-check";
import type { Hub } from "../../plugins/hub/contract.ts";

export interface MutationOptions {
  readonly hub: Hub;
  readonly count: number;
  readonly seed: number;
}

export interface MutationOutcome {
  readonly results: Readonly<Record<string, number>>;
  /** Requests that were not reported correctly, with their outcome. */
  readonly failures: readonly string[];
}

/** Submits mutated requests and checks that an agent reports a result for each of them. */
export async function runMutations({ hub, count, seed }: MutationOptions): Promise<MutationOutcome> {
  const results: Record<string, number> = {};
  const failures: string[] = [];
  const requests = fc.sample(requestArbitrary, { numRuns: count, seed });
  const ids = await Promise.all(
    requests.map(async (request) => (await hub.submitRaw(request, { limitMs: 20_000 })).id),
  );
  for (const [index, id] of ids.entries()) {
    const sent = () => `request ${index} of seed ${seed}: ${JSON.stringify(requests[index]).slice(0, 2000)}`;
    try {
      const view = await hub.done(id, AbortSignal.timeout(60_000));
      const outcome = view.reason ?? view.result ?? "nothing";
      results[outcome] = (results[outcome] ?? 0) + 1;
      const isReported =
        view.reason === undefined && ["passed", "failed", "stopped"].includes(view.result ?? "");
      if (!isReported) failures.push(`${outcome}\n${sent()}`);
    } catch (error) {
      failures.push(`${String(error)}\n${sent()}`);
      break;
    }
  }
  return { results, failures };
}

/** A valid request with all keys that the control plane sends. */
const validRequest = {
  job_id: "",
  job_name: "mutant",
  ssh_public_keys: [] as unknown[],
  files: [{ path: "injected/file", content: "aGVsbG8=", mode: "0644" }],
  env_vars: [
    { name: "ONE", value: "MQ==" },
    { name: "SEMAPHORE_JOB_ID", value: "eA==" },
  ],
  commands: [{ directive: "echo hello" }, { directive: "true", alias: "an alias" }],
  epilogue_always_commands: [{ directive: "true" }],
  epilogue_on_pass_commands: [] as unknown[],
  epilogue_on_fail_commands: [] as unknown[],
  callbacks: { finished: "", teardown_finished: "", token: "" },
};

/** Replaces, removes or adds a value at some place in a request. */
interface Mutation {
  readonly key: string;
  readonly depth: number;
  readonly pick: number;
  readonly value: unknown;
  readonly isRemoved: boolean;
}

// Directives are executed and paths are written, so the texts contain nothing that could leave the home.
const letters = fc.constantFrom(..."abc XYZ019_=$'\"`\\;&|(){}[]*?#!%^,:\n\r\t\u0001\u0000é😀\ud800");
const harmless = fc.string({ unit: letters, maxLength: 30 });
const strange = fc.oneof(
  harmless,
  fc.constantFrom<unknown>(
    null, true, 0, -1, 1e308, "", " ", [], {}, [null], [[]], "{SANITIZED}", "not base64 !", "9999", "0888", "-1",
    "shell", "dockercompose", "toString", "__proto__", "x".repeat(100_000), { directive: null }, [{ name: "A" }],
  ), // prettier-ignore
  fc.jsonValue({ maxDepth: 2, stringUnit: letters }),
);
const mutation: fc.Arbitrary<Mutation> = fc.record({
  key: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        ...Object.keys(validRequest).filter((key) => key !== "callbacks"),
        "executor",
        "compose",
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom("logger", "callbacks", "unknown_key", "constructor") },
  ),
  depth: fc.integer({ min: 0, max: 2 }),
  pick: fc.nat(5),
  value: strange,
  isRemoved: fc.boolean(),
});
const requestArbitrary: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .array(mutation, { minLength: 1, maxLength: 4 })
      .map((mutations) => mutations.reduce(mutate, structuredClone(validRequest) as object)),
  },
  { weight: 1, arbitrary: fc.nat(400).map((length) => JSON.stringify(validRequest).slice(0, length)) },
  { weight: 1, arbitrary: strange.filter((value) => typeof value !== "object" || value === null) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "null",
      "[]",
      "<html>502</html>",
      "\ufeff{}",
      "[".repeat(10_000),
      '{"a":1}{"b":2}',
    ),
  },
);

function mutate(request: object, { key, depth, pick, value, isRemoved }: Mutation): object {
  const holder = request as Record<string, unknown>;
  let place: Record<string, unknown> = holder;
  let name = key;
  for (let step = 0; step < depth; step++) {
    const inner = Object.hasOwn(place, name) ? place[name] : undefined;
    const names = typeof inner === "object" && inner !== null ? Object.keys(inner) : [];
    if (names.length === 0) break;
    place = inner as Record<string, unknown>;
    name = names[pick % names.length]!;
  }
  if (isRemoved) delete place[name];
  else Object.defineProperty(place, name, { value, enumerable: true, configurable: true, writable: true });
  return request;
}
