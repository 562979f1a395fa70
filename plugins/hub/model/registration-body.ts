/** What an agent says of itself (protocol section 2.1); what it leaves out is empty. */
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

/** As a sync says it (protocol section 2.3). */
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

/** `undefined` when the server cannot decode it. */
export function parseRegistration(body: unknown): Registration | undefined {
  return fill(emptyRegistration, body);
}

/** `undefined` when the server cannot decode it. */
export function parseSync(body: unknown): SyncBody | undefined {
  return fill(emptySync, body);
}

/** What the protocol wants in the body of a request, and is not there, or is there and not wanted. */
export function findBodyFaults(kind: "register" | "sync", body: unknown): string[] {
  const wanted: Readonly<Record<string, unknown>> = {
    ...(kind === "register" ? emptyRegistration : emptySync),
  };
  if (!isObject(body)) return ["is no object"];
  const missing = Object.keys(wanted).filter((key) => !Object.hasOwn(body, key));
  const surplus = Object.keys(body).filter((key) => !Object.hasOwn(wanted, key));
  const wrong = Object.entries(body).filter(
    ([key, value]) => Object.hasOwn(wanted, key) && !fits(wanted[key], value),
  );
  return [
    ...missing.map((key) => `"${key}" is missing`),
    ...surplus.map((key) => `"${key}" is not known`),
    ...wrong.map(([key, value]) => `"${key}" is ${value === null ? "null" : `a ${typeof value}`}`),
  ];
}

/** The text of a body as JSON; `undefined` when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** As Go decodes: unknown keys are ignored, missing ones and nulls leave the zero value, a wrong type fails. */
function fill<T extends object>(empty: T, body: unknown): T | undefined {
  if (!isObject(body)) return undefined;
  const known = Object.entries(body).filter(([key, value]) => Object.hasOwn(empty, key) && value !== null);
  const isGood = known.every(([key, value]) => fits(empty[key as keyof T], value));
  return isGood ? { ...empty, ...Object.fromEntries(known) } : undefined;
}

function fits(zero: unknown, value: unknown): boolean {
  return typeof zero === "number" ? Number.isSafeInteger(value) : typeof value === typeof zero;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
