/**
 * Finds private keys in PEM, each from its header to its footer, or to the end of the text when it has no
 * footer. The time is linear in the length of the text: a backtracking expression would let one variable of a
 * job occupy the agent for hours.
 */
export function findPrivateKeys(text: string): string[] {
  const keys: string[] = [];
  let start = text.indexOf(header);
  while (start >= 0) {
    const body = endOfLabel(text, start + header.length);
    const end = body === undefined ? start + header.length : findEnd(text, body);
    if (body !== undefined) keys.push(text.slice(start, end));
    start = text.indexOf(header, end);
  }
  return keys;
}

const header = "-----BEGIN ";
const footer = "-----END ";
const dashes = "-----";
const kind = "PRIVATE KEY";

/** Returns the position behind the footer that follows; the length of the text when there is none. */
function findEnd(text: string, from: number): number {
  let start = text.indexOf(footer, from);
  while (start >= 0) {
    const end = endOfLabel(text, start + footer.length);
    if (end !== undefined) return end;
    start = text.indexOf(footer, start + footer.length);
  }
  return text.length;
}

/** Returns the position behind `RSA PRIVATE KEY-----`; `undefined` when the label is another one. */
function endOfLabel(text: string, from: number): number | undefined {
  const end = text.indexOf(dashes, from);
  if (end < 0) return undefined;
  const label = text.slice(from, end);
  const at = label.lastIndexOf(kind);
  const isKey = at >= 0 && /^[A-Z0-9 ]*$/.test(label) && /^[A-Z ]*$/.test(label.slice(at + kind.length));
  return isKey ? end + dashes.length : undefined;
}
