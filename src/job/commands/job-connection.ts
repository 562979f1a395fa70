import { createBoundedLineReader } from "../../core/text/bounded-lines.ts";
import {
  createHttpReader,
  httpContinue,
  type HttpRequest,
  toHttpRefusal,
  toHttpResponse,
} from "./http-request.ts";
import type { JobCall, JobCalls } from "./job-calls.ts";
import {
  type JobMessage,
  type JobOutcome,
  maxMessageBytes,
  parseMessage,
  refuse,
  toAnswerLine,
} from "./messages.ts";

/** The part of a socket that a connection uses. */
export interface JobPeer {
  /** Returns the number of bytes that were taken. */
  write(bytes: Uint8Array): number;
  end(): void;
  /** Seconds without traffic after which the connection is closed; 0 for no limit. */
  timeout(seconds: number): void;
}

/**
 * One connection to a job. It speaks HTTP when its first byte is a capital letter, as of `POST`, and lines of JSON
 * otherwise.
 */
export interface JobConnection {
  push(bytes: Uint8Array): void;
  /** The peer takes further bytes. */
  drained(): void;
  /** The peer has closed the connection. */
  closed(): void;
}

export interface JobConnectionOptions {
  readonly calls: JobCalls;
  /** Whether the job serves no further connections: the first message is refused. */
  readonly isBusy: boolean;
}

/** A connection without traffic is closed after this time, unless a command is running. */
const idleSeconds = 30;

export function createJobConnection(peer: JobPeer, options: JobConnectionOptions): JobConnection {
  return new Connection(peer, options);
}

class Connection implements JobConnection {
  readonly #peer: JobPeer;
  readonly #calls: JobCalls;
  readonly #isBusy: boolean;
  #read: ((bytes: Uint8Array) => void) | undefined;
  /** Lines that wait for the answer to an earlier one. */
  readonly #queue: string[] = [];
  #queuedBytes = 0;
  #isReadingQueue = false;
  #running: JobCall | undefined;
  /** The part of an answer that the peer has not taken yet. */
  #rest: Uint8Array = nothing;
  /** No further message is read. */
  #isLast = false;
  #isClosed = false;

  constructor(peer: JobPeer, { calls, isBusy }: JobConnectionOptions) {
    this.#peer = peer;
    this.#calls = calls;
    this.#isBusy = isBusy;
    peer.timeout(idleSeconds);
  }

  push(bytes: Uint8Array): void {
    if (this.#isLast || bytes.length === 0) return;
    this.#read ??= this.#createReader(bytes[0]!);
    this.#read(bytes);
  }

  drained(): void {
    if (this.#rest.length === 0) return;
    this.#rest = this.#rest.subarray(this.#peer.write(this.#rest));
    this.#endIfDone();
    this.#answerQueued();
  }

  closed(): void {
    this.#isClosed = true;
    this.#isLast = true;
    this.#queue.length = 0;
    this.#running?.hangUp();
    this.#running = undefined;
  }

  #createReader(first: number): (bytes: Uint8Array) => void {
    const isHttp = first >= 0x41 && first <= 0x5a;
    if (this.#isBusy) {
      const outcome = refuse("busy", "too many processes call commands of the job");
      return () => this.#sendLast(isHttp ? toHttpResponse(outcome) : toAnswerLine(outcome));
    }
    if (isHttp) {
      return createHttpReader({
        onRequest: (request) => this.#onRequest(request),
        onExpect: () => this.#send(httpContinue),
      });
    }
    return createBoundedLineReader({
      maxBytes: maxMessageBytes,
      onLine: (line) => this.#onLine(line),
      onTooLong: () => this.#refuse(`a message is longer than ${maxMessageBytes} bytes`),
    });
  }

  #onRequest(request: HttpRequest): void {
    if (request.is === "refused") return this.#sendLast(toHttpRefusal(request));
    this.#call(request.message, (outcome) => this.#sendLast(toHttpResponse(outcome)));
  }

  #onLine(line: string): void {
    if (this.#isLast) return;
    this.#queue.push(line);
    this.#queuedBytes += line.length + 1;
    this.#answerQueued();
    if (this.#queuedBytes > maxMessageBytes + 1)
      this.#refuse(`more than ${maxMessageBytes} bytes wait for an answer`);
  }

  #answerQueued(): void {
    // A synchronous command answers within this loop.
    if (this.#isReadingQueue) return;
    this.#isReadingQueue = true;
    while (this.#running === undefined && this.#rest.length === 0 && !this.#isLast) {
      const line = this.#queue.shift();
      if (line === undefined) break;
      this.#queuedBytes -= line.length + 1;
      this.#answerLine(line);
    }
    this.#isReadingQueue = false;
  }

  #answerLine(line: string): void {
    const message = parseMessage(line);
    if (typeof message === "string") return this.#refuse(message);
    this.#call(message, (outcome) => {
      if (!outcome.isDone) return this.#sendLast(toAnswerLine(outcome));
      this.#send(toAnswerLine(outcome));
      this.#answerQueued();
    });
  }

  #call(message: JobMessage, done: (outcome: JobOutcome) => void): void {
    const call = this.#calls.call(message, (outcome) => {
      if (this.#running !== undefined) this.#peer.timeout(idleSeconds);
      this.#running = undefined;
      if (!this.#isClosed) done(outcome);
    });
    if (call === undefined) return;
    this.#running = call;
    this.#peer.timeout(0);
  }

  #refuse(why: string): void {
    this.#sendLast(toAnswerLine(refuse("invalid", why)));
  }

  /** Answers the last message of this connection. */
  #sendLast(text: string): void {
    this.#isLast = true;
    this.#queue.length = 0;
    this.#send(text);
  }

  #send(text: string): void {
    const bytes = Buffer.from(text);
    this.#rest = bytes.subarray(this.#peer.write(bytes));
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isLast || this.#rest.length > 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#running?.hangUp();
    this.#running = undefined;
    this.#peer.end();
  }
}

const nothing = Buffer.alloc(0);
