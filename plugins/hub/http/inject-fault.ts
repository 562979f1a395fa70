import type { Exchange } from "signalman/http";
import type { Changes } from "../changes.ts";
import type { Fault, Faults } from "../faults.ts";
import type { Answer } from "../model/answer.ts";

/** The outcome of a request. */
export interface Outcome {
  readonly isProcessed: boolean;
  /** Whether the answer was sent completely and unchanged. */
  readonly isDelivered: boolean;
  /** The answer, also when it was not sent; `undefined` for an unprocessed request. */
  readonly answer: Answer | undefined;
}

/** Processes a request and sends the answer, unless a fault is injected. */
export async function answerWith(
  exchange: Exchange,
  process: () => Promise<Answer>,
  fault: Fault | undefined,
  { faults, changes }: { readonly faults: Faults; readonly changes: Changes },
): Promise<Outcome> {
  const unprocessed: Outcome = { isProcessed: false, isDelivered: false, answer: undefined };
  switch (fault?.kind) {
    case "drop-before":
      exchange.drop();
      return unprocessed;
    case "partition":
      await waitForRuleEnd(exchange, fault, faults, changes);
      exchange.drop();
      return unprocessed;
    case "status":
      await exchange.send(fault.status, "injected by the hub");
      return unprocessed;
    case "delay":
      await Promise.race([Bun.sleep(fault.delayMs), exchange.closed]);
      // The agent has given up on this request; processing it now would overwrite newer state.
      if (exchange.isClosed) return unprocessed;
      break;
  }

  const answer = await process();
  const { text, headers } = toBody(answer);
  const undelivered: Outcome = { isProcessed: true, isDelivered: false, answer };
  if (answer.isPanic) {
    exchange.drop();
    return undelivered;
  }
  switch (fault?.kind) {
    case "drop-after":
      exchange.drop();
      return undelivered;
    case "cut":
      await exchange.stream(answer.status, cutShort(exchange, text), {
        ...headers,
        "Content-Length": String(Math.max(1, Buffer.byteLength(text))),
      });
      return undelivered;
    case "bad-body":
      await exchange.send(answer.status, '{"injected": [by the hub', headers);
      return undelivered;
    case "delay-after":
      await Promise.race([Bun.sleep(fault.delayMs), exchange.closed]);
  }
  return { isProcessed: true, isDelivered: await exchange.send(answer.status, text, headers), answer };
}

/** Yields half of a text, then closes the connection. */
async function* cutShort(exchange: Exchange, text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  yield bytes.subarray(0, bytes.length >> 1);
  // The written bytes must reach the network before the connection is closed.
  await Bun.sleep(10);
  exchange.drop();
}

function toBody({ text, json, headers }: Answer): {
  text: string;
  headers: Readonly<Record<string, string>>;
} {
  if (json === undefined) return { text: text ?? "", headers: headers ?? {} };
  return { text: JSON.stringify(json), headers: { "Content-Type": "application/json", ...headers } };
}

/** Waits until the rule expires or is removed, or the client disconnects. */
async function waitForRuleEnd(
  exchange: Exchange,
  fault: Fault,
  faults: Faults,
  changes: Changes,
): Promise<void> {
  const ended = new AbortController();
  const remainingMs = faults.remainingMs(fault);
  const timer = Number.isFinite(remainingMs) ? setTimeout(() => ended.abort(), remainingMs) : undefined;
  void exchange.closed.then(() => ended.abort());
  await changes.until(() => faults.remainingMs(fault) === 0, ended.signal).catch(() => {});
  clearTimeout(timer);
}
