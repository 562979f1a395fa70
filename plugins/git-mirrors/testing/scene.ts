import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBase64, type HookEvents, type JobRequest } from "signalman";
import { builtIn, jobRequest, testPlugin, tmpdir } from "signalman/testing";
import plugin from "../index.ts";
import { toMirrorPaths } from "../store/layout.ts";

/** A job whose commands run with the variables that the plugin sets. */
export interface TestJob extends AsyncDisposable {
  /** The variables that were set for the last command. */
  readonly variables: Readonly<Record<string, string>>;
  /** Runs a command in bash, in the job's home, with the plugin. Resolves when it has ended. */
  run(command: string): Promise<{ status: number; output: string }>;
  /** The job ends; resolves to the text of the block that was added to its log. */
  finish(): Promise<string>;
}

/** The state of an agent. */
export interface MirrorScene extends AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  /** Starts a job with a repository. */
  job(options: JobOptions): Promise<TestJob>;
  /** A home with the variables of a command without the plugin. */
  plain(options: JobOptions): Promise<Pick<TestJob, "run">>;
}

export interface JobOptions {
  readonly url: string;
  readonly key?: string;
  readonly knownHosts?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly size?: string;
  readonly overrides?: Partial<JobRequest>;
}

export async function createMirrorScene(): Promise<MirrorScene> {
  const tmp = await tmpdir();
  const root = join(tmp.path, "state", "git-mirrors");
  mkdirSync(join(tmp.path, "state"), { mode: 0o700 });
  let homes = 0;
  const makeHome = ({ key, knownHosts }: JobOptions): string => {
    const home = join(tmp.path, `home-${++homes}`);
    const ssh = join(home, ".ssh");
    mkdirSync(ssh, { recursive: true, mode: 0o700 });
    const write = (name: string, text: string): void => writeFileSync(join(ssh, name), text, { mode: 0o600 });
    if (key !== undefined) write("id_ed25519", key);
    if (knownHosts !== undefined) write("known_hosts", knownHosts);
    // ssh looks for the home of its user in the system's tables.
    mkdirSync(join(home, "bin"));
    writeFileSync(
      join(home, "bin", "ssh"),
      `#!/bin/sh\nexec ${Bun.which("ssh")} -F /dev/null -i ${ssh}/id_ed25519 -o UserKnownHostsFile=${ssh}/known_hosts -o BatchMode=yes "$@"\n`,
    );
    chmodSync(join(home, "bin", "ssh"), 0o755);
    return home;
  };
  return {
    directory: tmp.path,
    root,
    async job(options) {
      const home = makeHome(options);
      const t = await testPlugin(plugin, {
        with: [await builtIn("shell")],
        flags: {
          "git-mirrors": "true",
          ...(options.size !== undefined && { "git-mirrors-size": options.size }),
        },
      });
      const event = toEvent(options, join(tmp.path, "state"));
      let variables: Record<string, string> = {};
      return {
        get variables() {
          return variables;
        },
        async run(command) {
          variables = {};
          const setVariable = (name: string, value: string): void => void (variables[name] = value);
          const command_ = {
            ...event,
            phase: "commands",
            index: 0,
            directive: command,
            alias: "",
            setVariable,
            capture: async (text: string) => (await runBash(text, home, options.env ?? {})).output,
          } as const;
          await t.call("command:start", command_ as unknown as HookEvents["command:start"]);
          const result = await runBash(command, home, { ...options.env, ...variables });
          await t.call("command:end", {
            ...command_,
            exitCode: result.status,
            durationMs: 1,
          } as unknown as HookEvents["command:end"]);
          return result;
        },
        async finish() {
          await t.call("job:finish", event as unknown as HookEvents["job:finish"]);
          return t.blocks.map(({ output }) => output).join("");
        },
        [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
      };
    },
    async plain(options) {
      const home = makeHome(options);
      return { run: (command) => runBash(command, home, options.env ?? {}) };
    },
    [Symbol.asyncDispose]: () => tmp[Symbol.asyncDispose](),
  };
}

function toEvent({ url, key, knownHosts, overrides }: JobOptions, stateDirectory: string): object {
  const file = (name: string, text: string | undefined) =>
    text === undefined ? [] : [{ path: `.ssh/${name}`, content: encodeBase64(text), mode: "0600" }];
  const job = jobRequest({
    env: [{ name: "SEMAPHORE_GIT_URL", value: encodeBase64(url) }],
    files: [...file("id_ed25519", key), ...file("known_hosts", knownHosts)],
    ...overrides,
  });
  return { job, executor: "shell", agent: { id: "agent-1", name: "agent", stateDirectory } };
}

async function runBash(
  command: string,
  home: string,
  env: Readonly<Record<string, string>>,
): Promise<{ status: number; output: string }> {
  const bash = Bun.spawn(["bash", "-c", `exec 2>&1; ${command}`], {
    cwd: home,
    env: {
      PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
      HOME: home,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      LC_ALL: "C",
      ...env,
    },
    stdout: "pipe",
  });
  const output = await new Response(bash.stdout).text();
  return { status: await bash.exited, output };
}

/** The paths of a repository's mirror. */
export function pathsOf({ root }: Pick<MirrorScene, "root">, url: string): ReturnType<typeof toMirrorPaths> {
  return toMirrorPaths(root, url);
}
