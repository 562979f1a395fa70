import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EnvironmentVariable, JobEvent } from "signalman";
import { environmentVariable, jobEvents, jobRequest, testPlugin, tmpdir } from "signalman/testing";
import plugin from "../index.ts";

export const token = "artifact-token-1234";
export const variables = [
  environmentVariable("SEMAPHORE_ARTIFACT_TOKEN", token),
  environmentVariable("SEMAPHORE_ORGANIZATION_URL", "https://acme.example.com"),
];
/** A double of `artifact` that saves its arguments, environment and file. */
const keep = `
echo "$@" >"$KEPT/arguments"
env | grep -E '^(SEMAPHORE|BUN|PLAIN)_' | sort >"$KEPT/environment"
stat -c %a "$3" >"$KEPT/mode"
cp "$3" "$KEPT/file"`;

export interface Upload {
  readonly when?: string;
  /** The job's own setting; then the option is not used. */
  readonly fromJob?: string | undefined;
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: readonly EnvironmentVariable[];
  /** Script of the double of `artifact`; `undefined` for a missing program. */
  readonly artifact?: string | undefined;
  readonly events?: readonly JobEvent[];
  readonly trimmed?: boolean;
  /** Changes the spool before the upload. */
  readonly prepare?: (spool: string) => void;
  /** Disposes the plugin once the double runs. */
  readonly shutsDown?: boolean;
}

const toSetting = (value: string) => environmentVariable("SEMAPHORE_AGENT_UPLOAD_JOB_LOGS", value);

/** Flushes a job's log and returns what the double of `artifact` received and what was logged. */
export async function upload(options: Upload = {}) {
  const {
    when = "always",
    flags = {},
    env = variables,
    artifact = "artifact" in options ? options.artifact : keep,
  } = options;
  await using tmp = await tmpdir();
  const [programs, jobs, kept] = ["programs", "job", "kept"].map((name) => join(tmp.path, name)) as [
    string,
    string,
    string,
  ];
  for (const directory of [programs, jobs, kept]) mkdirSync(directory);
  if (artifact !== undefined) {
    writeFileSync(join(programs, "artifact"), `#!/bin/bash\n${artifact}\n`);
    chmodSync(join(programs, "artifact"), 0o755);
  }
  const spool = join(jobs, "events.ndjson");
  writeFileSync(spool, (options.events ?? jobEvents()).map((event) => `${JSON.stringify(event)}\n`).join(""));
  options.prepare?.(spool);
  const changed = {
    PATH: `${programs}:/usr/bin:/bin`,
    KEPT: kept,
    BUN_OPTIONS: "--smol",
    PLAIN_THING: "plain",
    SEMAPHORE_AGENT_TOKEN: "registration",
  };
  using _ = changeEnvironment(changed);

  const isFromJob = "fromJob" in options;
  const t = await testPlugin(plugin, {
    roles: ["agent"],
    flags: { "upload-job-logs": when, ...flags },
    config: { "from-job": isFromJob },
  });
  const own = isFromJob && options.fromJob !== undefined ? [toSetting(options.fromJob)] : [];
  const flushed = t.call("agent:log-flushed", {
    job: jobRequest({ env: [...env, ...own] }),
    spool,
    trimmed: options.trimmed ?? false,
  });
  if (options.shutsDown) {
    await until(() => existsSync(join(kept, "pid")));
    await t[Symbol.asyncDispose]();
  }
  await flushed;
  await t[Symbol.asyncDispose]();
  const read = (name: string) => (existsSync(join(kept, name)) ? readFileSync(join(kept, name)) : undefined);
  return {
    logs: t.logs.filter(({ level }) => level !== "debug").map(({ level, message }) => `${level}: ${message}`),
    arguments: read("arguments")?.toString().trim().replaceAll(tmp.path, "$DIR"),
    environment: read("environment")?.toString().trim().split("\n"),
    mode: read("mode")?.toString().trim(),
    file: read("file"),
    pid: Number(read("pid")?.toString() ?? "0"),
    /** Files in the job's directory afterwards. */
    left: readdirSync(jobs),
  };
}

function changeEnvironment(changed: Readonly<Record<string, string>>): Disposable {
  const before = Object.keys(changed).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, changed);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

export async function until(check: () => boolean): Promise<void> {
  while (!check()) await Bun.sleep(10);
}
