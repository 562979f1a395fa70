/** The body of a registration (protocol section 2.1), with zero values for missing keys. */
export interface Registration {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  readonly os: string;
  readonly arch: string;
  readonly hostname: string;
  readonly single_job: boolean;
  /** Seconds. */
  readonly idle_timeout: number;
  /** Seconds. */
  readonly interruption_grace_period: number;
  readonly job_id: string;
}

/** The body of a sync (protocol section 2.3), with zero values for missing keys. */
export interface SyncBody {
  readonly state: string;
  readonly job_id: string;
  readonly job_result: string;
  /** Unix seconds. */
  readonly interrupted_at: number;
}

const emptyRegistration: Registration = {
  name: "",
  version: "",
  pid: 0,
  os: "",
  arch: "",
  hostname: "",
  single_job: false,
  idle_timeout: 0,
  interruption_grace_period: 0,
  job_id: "",
};
const emptySync: SyncBody = { state: "", job_id: "", job_result: "", interrupted_at: 0 };

/** Returns `undefined` when the server cannot decode the body. */
export function parseRegistration(body: unknown): Registration | undefined {
  return fill(emptyRegistration, body);
}

/** Returns `undefined` when the server cannot decode the body. */
export function parseSync(body: unknown): SyncBody | undefined {
  return fill(emptySync, body);
}

/** Lists missing, unknown and mistyped keys of a body. */
export function findBodyFaults(kind: "register" | "sync", body: unknown): string[] {
  const expected: Readonly<Record<string, unknown>> = {
    ...(kind === "register" ? emptyRegistration : emptySync),
  };
  if (!isObject(body)) return ["the body is not a JSON object"];
  const missing = Object.keys(expected).filter((key) => !Object.hasOwn(body, key));
  const unknown = Object.keys(body).filter((key) => !Object.hasOwn(expected, key));
  const mistyped = Object.entries(body).filter(
    ([key, value]) => Object.hasOwn(expected, key) && !isSameType(expected[key], value),
  );
  return [
    ...missing.map((key) => `"${key}" is missing`),
    ...unknown.map((key) => `"${key}" is unknown`),
    ...mistyped.map(([key, value]) => `"${key}" is ${value === null ? "null" : `a ${typeof value}`}`),
  ];
}

/** Parses the text of a body. Returns `undefined` for invalid JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Decodes as Go does: unknown keys are ignored, missing keys and nulls leave the zero value, a wrong type
 * fails.
 */
function fill<T extends object>(empty: T, body: unknown): T | undefined {
  if (!isObject(body)) return undefined;
  const known = Object.entries(body).filter(([key, value]) => Object.hasOwn(empty, key) && value !== null);
  const isDecodable = known.every(([key, value]) => isSameType(empty[key as keyof T], value));
  return isDecodable ? { ...empty, ...Object.fromEntries(known) } : undefined;
}

function isSameType(zero: unknown, value: unknown): boolean {
  return typeof zero === "number" ? Number.isSafeInteger(value) : typeof value === typeof zero;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
