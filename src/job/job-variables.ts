import type { VariableScope } from "../core/contracts/executor.ts";
import type { VariableHookEvent, VariableOptions } from "../core/contracts/hooks.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";
import type { AddedVariable } from "../core/contracts/log-filter.ts";
import { AgentError } from "../core/errors.ts";
import { encodeBase64 } from "../core/text/base64.ts";
import type { JobJournal } from "./journal/job-journal.ts";

/** Limits of the variables that plugins set in one job. `bytes`: of the values that are set at the same time. */
export const variableLimits = {
  nameLength: 256,
  valueBytes: 64 * 1024,
  bytes: 512 * 1024,
  variables: 1000,
  secrets: 1000,
} as const;

/** Variables to export before the next command. */
export interface PendingVariables {
  readonly scope: VariableScope;
  readonly env: readonly EnvironmentVariable[];
}

/** `setVariable` of one event, or of one call of a job command. After its disposal it throws. */
export interface VariableSetter extends Disposable {
  readonly setVariable: VariableHookEvent["setVariable"];
}

/** The variables that plugins have set in a job. */
export interface JobVariables {
  /** Those of the job's scope, each with its last value. */
  readonly env: readonly EnvironmentVariable[];
  /** Whether variables wait for the next command. */
  readonly isPending: boolean;
  /** Takes the variables that wait. */
  take(): readonly PendingVariables[];
  /** The variables that were taken are exported. */
  exported(): void;
  /** `place` is the name of a hook, or another text for errors. */
  openSetter(place: string): VariableSetter;
}

/**
 * @param mask is told of each variable before it is set, and may refuse it by throwing.
 * @param journal is set for a job that another process may continue.
 */
export function createJobVariables(
  mask: (variable: AddedVariable) => void,
  journal?: Pick<JobJournal, "write" | "left">,
): JobVariables {
  const ofJob = createValues();
  const ofCommand = createValues();
  /** Names of the variables in `ofJob` that are not exported yet. */
  const pending = new Set<string>();
  const secrets = new Set<string>();

  function set(name: string, value: string, options: VariableOptions): void {
    const { secret = false, scope = "job", served = false } = options;
    const values = scope === "job" ? ofJob : ofCommand;
    const isNew = !values.has(name);
    const count = ofJob.size + ofCommand.size + (isNew ? 1 : 0);
    const bytes = ofJob.bytes + ofCommand.bytes - values.bytesOf(name) + Buffer.byteLength(value);
    if (count > variableLimits.variables)
      throw refuse(name, `plugins can set ${variableLimits.variables} variables in a job, and no more`);
    if (bytes > variableLimits.bytes)
      throw refuse(name, `the variables of plugins can have ${variableLimits.bytes} bytes, and no more`);
    if (secret && !secrets.has(value)) {
      if (secrets.size >= variableLimits.secrets)
        throw refuse(name, `plugins can set ${variableLimits.secrets} secret values in a job, and no more`);
      secrets.add(value);
    }
    mask({ name, value, isSecret: secret });
    values.set(name, value);
    if (scope === "job") pending.add(name);
    journal?.write({ is: "variable", name, value, scope, ...(served && { isServed: true }) });
  }

  for (const { name, value, scope, isPending } of journal?.left?.variables ?? []) {
    (scope === "job" ? ofJob : ofCommand).set(name, value);
    if (scope === "job" && isPending) pending.add(name);
  }
  return {
    get env() {
      return ofJob.toEnv();
    },
    get isPending() {
      return pending.size > 0 || ofCommand.size > 0;
    },
    take() {
      const taken: PendingVariables[] = [];
      if (pending.size > 0) taken.push({ scope: "job", env: ofJob.toEnv(pending) });
      if (ofCommand.size > 0) taken.push({ scope: "command", env: ofCommand.toEnv() });
      pending.clear();
      ofCommand.clear();
      return taken;
    },
    exported: () => journal?.write({ is: "exported" }),
    openSetter(place) {
      let isOpen = true;
      return {
        setVariable(name, value, options = {}) {
          assertVariable(name, value, options);
          if (!isOpen) throw refuse(name, `${place} is over: set variables before the function returns`);
          if (options.scope === "command" && place !== "command:start")
            throw refuse(name, `the scope "command" exists only in command:start, not in ${place}`);
          set(name, value, options);
        },
        [Symbol.dispose]: () => void (isOpen = false),
      };
    },
  };
}

function createValues() {
  const values = new Map<string, string>();
  let bytes = 0;
  const bytesOf = (name: string) => Buffer.byteLength(values.get(name) ?? "");
  return {
    get size() {
      return values.size;
    },
    get bytes() {
      return bytes;
    },
    bytesOf,
    has: (name: string) => values.has(name),
    set(name: string, value: string): void {
      bytes += Buffer.byteLength(value) - bytesOf(name);
      values.set(name, value);
    },
    clear(): void {
      values.clear();
      bytes = 0;
    },
    toEnv: (names: Iterable<string> = values.keys()): EnvironmentVariable[] =>
      Array.from(names, (name) => ({ name, value: encodeBase64(values.get(name)!) })),
  };
}

/** Names of the agent and of its shell session, and those that bash does not let a job set. */
const reserved =
  /^(SIGNALMAN_.*|SEMAPHORE_JOB_RESULT|__signalman.*|AGENT_CMD_RESULT|PROMPT_COMMAND|PS1|IGNOREEOF|_|BASHOPTS|SHELLOPTS|BASH_VERSINFO|EUID|UID|PPID)$/;

function assertVariable(name: unknown, value: unknown, options: unknown): void {
  if (typeof name !== "string" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw refuse(name, "a name has letters, digits and underscores, and does not begin with a digit");
  if (name.length > variableLimits.nameLength)
    throw refuse(name, `a name has at most ${variableLimits.nameLength} characters`);
  if (reserved.test(name)) throw refuse(name, "the name is reserved for the agent or the shell");
  if (typeof value !== "string") throw refuse(name, `the value must be a text, not a ${typeof value}`);
  if (value.includes("\0")) throw refuse(name, "the value contains a NUL character");
  if (!value.isWellFormed()) throw refuse(name, "the value is not valid Unicode");
  if (Buffer.byteLength(value) > variableLimits.valueBytes)
    throw refuse(name, `the value is longer than ${variableLimits.valueBytes} bytes`);
  assertOptions(name, options);
}

function assertOptions(name: string, options: unknown): void {
  if (typeof options !== "object" || options === null)
    throw refuse(name, "the third argument must be an object, such as { secret: true }");
  const { secret, scope, served, ...others } = options as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw refuse(name, `unknown option "${unknown}" (known: secret, scope, served)`);
  if (secret !== undefined && typeof secret !== "boolean")
    throw refuse(name, `"secret" must be true or false, not a ${typeof secret}`);
  if (served !== undefined && typeof served !== "boolean")
    throw refuse(name, `"served" must be true or false, not a ${typeof served}`);
  if (served === true && scope !== "command")
    throw refuse(name, '"served" needs the scope "command": what a process serves ends with it');
  if (scope !== undefined && scope !== "job" && scope !== "command")
    throw refuse(name, `"scope" must be "job" or "command", not ${Bun.inspect(scope)}`);
}

function refuse(name: unknown, why: string): AgentError {
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 64)) : typeof name;
  return new AgentError("VARIABLE_INVALID", `the variable ${shown} cannot be set: ${why}`);
}
