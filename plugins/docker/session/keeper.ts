import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import { AgentError, toMessage, toSize } from "signalman";
import { createBoundedLineReader } from "signalman/executor";
import type { Engine } from "../engine/engine.ts";
import { keeperScript, toFormat } from "./keeper-script.ts";

/** A process in /proc of a container. */
export interface ContainerProcess {
  readonly pid: number;
  readonly parent: number;
  readonly isZombie: boolean;
}

export interface ContainerProcesses {
  /** Main processes of this keeper and earlier ones. */
  readonly keepers: readonly number[];
  readonly processes: readonly ContainerProcess[];
}

/**
 * `silent`: no answer within the time-out, which may only be a busy container. `flooding`: a line that no
 * keeper sends.
 */
export type KeeperFault = "silent" | "flooding";

export type OnKeeperFault = (fault: KeeperFault, error: AgentError) => void;

/**
 * A helper process in the job's container. It executes one order at a time; orders reject after its end. It
 * kills all processes of the container when its connection closes, unless the job is held, so the connection of a
 * silent keeper stays open until `close`.
 */
export interface Keeper {
  readonly alive: boolean;
  /** Sets the process that it suspends when its connection closes. */
  watch(shellPid: number): Promise<void>;
  /** The job no longer continues when its connection closes. */
  release(): Promise<void>;
  /** Prints bytes to the terminal of the container. */
  print(bytes: Uint8Array): Promise<void>;
  /** Writes a small file that all users of the container can read. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Restores the terminal's line mode. */
  settle(): Promise<void>;
  /** Reads the accounting files of the container's cgroup, by name. */
  readAccounting(): Promise<ReadonlyMap<string, string>>;
  list(): Promise<ContainerProcesses>;
  /** Suspends the shell and sends SIGTERM to all other processes. */
  terminate(shellPid: number): Promise<void>;
  kill(pids: readonly number[]): Promise<void>;
  close(): void;
}

export interface OpenKeeperOptions {
  /** Number of the keeper in its container, from 1. Earlier keepers ignore further orders. */
  readonly number: number;
  /** Whether the job continues when the keeper's connection closes. */
  readonly isHeld: boolean;
  readonly onFault: OnKeeperFault;
}

/**
 * Starts a keeper as root of the container. It is untrusted: its `sh` belongs to the image, and the job can
 * replace it.
 */
export async function openKeeper(
  engine: Engine,
  container: Pick<Docker.Container, "exec">,
  { number, isHeld, onFault }: OpenKeeperOptions,
): Promise<Keeper> {
  const exec = await engine.call(
    "start a helper in the job's container",
    container.exec({
      Cmd: ["sh", "-c", keeperScript, "keeper", `${number}`, isHeld ? "yes" : ""],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: false,
      User: "0",
    }),
  );
  const stream = await engine.call(
    "start a helper in the job's container",
    exec.start({ hijack: true, stdin: true }),
  );
  const answers = createAnswers(engine, stream, onFault);
  let last: Promise<unknown> = Promise.resolve();

  /** Sends an order after the answer of the one before. */
  function order(text: string, maxBytes = answerBytes): Promise<string> {
    const answer = last.then(() => answers.ask(text, maxBytes));
    last = answer.catch(() => {});
    return answer;
  }

  async function execute(what: string, text: string): Promise<void> {
    if ((await order(text)) !== "ok")
      throw new AgentError("SESSION_FAILED", `the helper in the job's container cannot ${what}`);
  }

  return {
    get alive() {
      return answers.alive;
    },
    watch: (shellPid) => execute("watch the shell", `shell ${shellPid}`),
    release: () => execute("release the job", "release"),
    print: (bytes) => execute("print to the terminal", `print ${toFormat(bytes)}`),
    async write(path, bytes) {
      const begin = order(`new ${path}`);
      const parts: Promise<string>[] = [];
      for (let at = 0; at < bytes.length; at += partBytes)
        parts.push(order(`add ${path} ${toFormat(bytes.subarray(at, at + partBytes))}`));
      const done = await Promise.all([begin, ...parts]);
      if (done.some((answer) => answer !== "ok"))
        throw new AgentError("SESSION_FAILED", `"${path}" in the job's container cannot be written`);
    },
    settle: () => execute("set the terminal", "settle"),
    async readAccounting() {
      const [, ...files] = (await order("usage")).split("|");
      return new Map(files.map(toAccountingFile));
    },
    async list() {
      const [, pids = "", ...entries] = (await order("list", listBytes)).split(" ");
      return { keepers: pids.split(",").map(Number), processes: entries.map(toProcess) };
    },
    terminate: (shellPid) => execute("signal the job", `term ${shellPid}`),
    kill: (pids) => execute("signal the job", `kill ${pids.join(" ")}`),
    close: () => stream.end(),
  };
}

/** Bytes of one `add` order. */
const partBytes = 4096;
/** Long enough for a busy container. */
const answerMs = 10_000;
/** Maximum length of all answers except the list of processes. */
const answerBytes = 64 * 1024;
/** Enough for 200,000 processes. */
const listBytes = 4 * 1024 * 1024;

function toProcess(entry: string): ContainerProcess {
  const [pid, state, parent] = entry.split(",");
  return { pid: Number(pid), parent: Number(parent), isZombie: state === "Z" || state === "X" };
}

function toAccountingFile(text: string): [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1).replaceAll(";", "\n")];
}

interface Answers {
  readonly alive: boolean;
  /** Sends an order. Resolves to its answer. */
  ask(order: string, maxBytes: number): Promise<string>;
}

/** Reads the keeper's answers, one line for each order. */
function createAnswers(engine: Engine, stream: Duplex, onFault: OnKeeperFault): Answers {
  let gone: AgentError | undefined;
  let waiting: PromiseWithResolvers<string> | undefined;

  const end = (error?: unknown): AgentError => {
    const why = error === undefined ? "it has exited" : toMessage(error);
    gone ??= new AgentError("SESSION_FAILED", `the helper in the job's container does not answer: ${why}`);
    waiting?.reject(gone);
    waiting = undefined;
    return gone;
  };
  const fail = (fault: KeeperFault, text: string) => {
    onFault(fault, end(new Error(text)));
    if (fault === "flooding") stream.destroy();
  };
  const readLines = (maxBytes: number) =>
    createBoundedLineReader({
      maxBytes,
      onLine(line) {
        waiting?.resolve(line);
        waiting = undefined;
      },
      onTooLong: () => fail("flooding", `it sent a line of more than ${toSize(maxBytes)}`),
    });
  let push = readLines(answerBytes);
  // Answers after the time-out are read and ignored.
  const sink = { write: (bytes: Uint8Array) => push(bytes), end: () => {} };
  engine.docker.modem.demuxStream(
    stream,
    sink as unknown as NodeJS.WritableStream,
    sink as unknown as NodeJS.WritableStream,
  );
  stream.on("end", () => end());
  stream.on("close", () => end());
  stream.on("error", end);

  return {
    get alive() {
      return gone === undefined;
    },
    async ask(order, maxBytes) {
      if (gone) throw gone;
      waiting = Promise.withResolvers();
      if (maxBytes > answerBytes) push = readLines(maxBytes);
      stream.write(`${order}\n`);
      const timer = setTimeout(() => fail("silent", `no answer within ${answerMs / 1000} s`), answerMs);
      try {
        return await waiting.promise;
      } finally {
        clearTimeout(timer);
        if (maxBytes > answerBytes) push = readLines(answerBytes);
      }
    },
  };
}
