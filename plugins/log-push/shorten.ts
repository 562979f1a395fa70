import type { JobEvent } from "signalman";

/**
 * Cuts the text of an event that is too large for the server. The event itself stays, so that the numbers of
 * all others remain correct and each command keeps its pair of events. Returns `undefined` when the event has
 * no long text.
 */
export function shorten(line: Uint8Array): Uint8Array | undefined {
  const event = JSON.parse(Buffer.from(line).toString()) as JobEvent;
  if (event.event === "cmd_output" && event.output.length > 2 * keptCharacters) {
    return toLine({ ...event, output: `${shortenText(event.output)}\n` });
  }
  if ("directive" in event && event.directive.length > 2 * keptCharacters) {
    return toLine({ ...event, directive: shortenText(event.directive) });
  }
  return undefined;
}

const keptCharacters = 1000;

function shortenText(text: string): string {
  const kept = text.slice(0, keptCharacters).toWellFormed();
  const bytes = Buffer.byteLength(text) - Buffer.byteLength(kept);
  return `${kept}\n[signalman: the log server refused the other ${bytes} bytes]`;
}

function toLine(event: JobEvent): Uint8Array {
  return Buffer.from(`${JSON.stringify(event)}\n`);
}
