import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import { AgentError, toMessage, toSize } from "signalman";
import { createBoundedLineReader } from "signalman/executor";
import type { Engine } from "../engine/engine.ts";
import { keeperScript, toFormat } from "./keeper-script.ts";

/** A process of a container, as its own /proc shows it. */
export interface ContainerProcess {
  readonly pid: number;
  readonly parent: number;
  readonly isZombie: boolean;
}

export interface ContainerProcesses {
  /** Of this keeper and earlier ones: those that their other processes descend from. */
  readonly keepers: readonly number[];
  readonly processes: readonly ContainerProcess[];
}

/** No answer in time, which a busy container explains, or a line that no keeper sends. */
export type KeeperFault = "silent" | "flooding";

export type OnKeeperFault = (fault: KeeperFault, error: AgentError) => void;

/**
 * A helper inside of the job's container. One order is given at a time; each rejects when the keeper is gone.
 * When the connection to it breaks, it kills everything in the container: that of a silent keeper, which may
 * only be slow, stays open until `close`.
 */
export interface Keeper {
  readonly alive: boolean;
  /** Tells it which process is the job's shell. */
  watch(shellPid: number): Promise<void>;
  /** Writes a small file that everybody in the container can read. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Turns the terminal's line input on again. */
  settle(): Promise<void>;
  /** The kernel's accounting of the container: name of a file → its text. */
  readAccounting(): Promise<ReadonlyMap<string, string>>;
  list(): Promise<ContainerProcesses>;
  /** Stops the shell, and sends SIGTERM to everything else. */
  terminate(shellPid: number): Promise<void>;
  kill(pids: readonly number[]): Promise<void>;
  close(): void;
}

export interface OpenKeeperOptions {
  /** Counts the keepers of the container from 1. An earlier one obeys no further order. */
  readonly number: number;
  readonly onFault: OnKeeperFault;
}

/** Starts the keeper as the container's root user. Its program is the image's, and a job can replace it. */
export async function openKeeper(
  engine: Engine,
  container: Pick<Docker.Container, "exec">,
  { number, onFault }: OpenKeeperOptions,
): Promise<Keeper> {
  const exec = await engine.call(
    "start a helper in the job's container",
    container.exec({
      Cmd: ["sh", "-c", keeperScript, "keeper", `${number}`],
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

  /** Orders wait for each other: every order has one line for an answer. */
  function order(text: string, maxBytes = answerBytes): Promise<string> {
    const answer = last.then(() => answers.ask(text, maxBytes));
    last = answer.catch(() => {});
    return answer;
  }

  async function mustDo(what: string, text: string): Promise<void> {
    if ((await order(text)) !== "ok")
      throw new AgentError("SESSION_FAILED", `the helper in the job's container cannot ${what}`);
  }

  return {
    get alive() {
      return answers.alive;
    },
    watch: (shellPid) => mustDo("watch the shell", `shell ${shellPid}`),
    async write(path, bytes) {
      const begin = order(`new ${path}`);
      const parts: Promise<string>[] = [];
      for (let at = 0; at < bytes.length; at += partBytes)
        parts.push(order(`add ${path} ${toFormat(bytes.subarray(at, at + partBytes))}`));
      const done = await Promise.all([begin, ...parts]);
      if (done.some((answer) => answer !== "ok"))
        throw new AgentError("SESSION_FAILED", `"${path}" in the job's container cannot be written`);
    },
    settle: () => mustDo("set the terminal", "settle"),
    async readAccounting() {
      const [, ...files] = (await order("usage")).split("|");
      return new Map(files.map(toAccountingFile));
    },
    async list() {
      const [, pids = "", ...entries] = (await order("list", listBytes)).split(" ");
      return { keepers: pids.split(",").map(Number), processes: entries.map(toProcess) };
    },
    terminate: (shellPid) => mustDo("signal the job", `term ${shellPid}`),
    kill: (pids) => mustDo("signal the job", `kill ${pids.join(" ")}`),
    close: () => stream.end(),
  };
}

/** Of one `add` order. The shell reads its input byte by byte. */
const partBytes = 4096;
/** A container whose processes are all busy may take its time. */
const answerMs = 10_000;
/** Of an answer that lists no processes. */
const answerBytes = 64 * 1024;
/** More than 200,000 processes. */
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
  /** Sends an order. Resolves to the line that answers it. */
  ask(order: string, maxBytes: number): Promise<string>;
}

/** The keeper's lines, one for each order. */
function createAnswers(engine: Engine, stream: Duplex, onFault: OnKeeperFault): Answers {
  let gone: AgentError | undefined;
  let waiting: PromiseWithResolvers<string> | undefined;

  const end = (error?: unknown): AgentError => {
    const why = error === undefined ? "it has ended" : toMessage(error);
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
  // A late answer of a silent keeper is read as well, and ignored.
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
