/** Generates a name of 20 characters of `[A-Za-z0-9_-]` (protocol section 2.2). */
export function generateName(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString("base64url");
}

/**
 * Returns why the name of a slot is invalid, worded as in the reference agent; `undefined` for a valid name
 * (protocol section 2.2).
 */
export function findNameFault(name: string, slots: number): string | undefined {
  if (isUrlName(name)) {
    return slots === 1
      ? undefined
      : `a name that is a signed URL identifies one agent, but slots is ${slots}: set slots to 1`;
  }
  const length = Buffer.byteLength(name);
  if (length >= 8 && length <= 80) return undefined;
  return `Agent name validation failed: name should have between 8 and 80 characters. '${name}' has ${length}`;
}

/**
 * Returns why the control plane rejects a name that `findNameFault` accepts; `undefined` for a good name
 * (protocol section 2.2).
 */
export function findRefusal(name: string): string | undefined {
  if (isUrlName(name)) {
    const url = URL.parse(name);
    return url?.protocol === "https:" && url.host === "sts.amazonaws.com"
      ? undefined
      : "a name that is a URL must be a pre-signed one of https://sts.amazonaws.com";
  }
  const [wrong] = /[^a-zA-Z0-9\-_/+]/.exec(name) ?? [];
  return wrong === undefined
    ? undefined
    : `'${name}' contains ${JSON.stringify(wrong)}; only letters, digits and - _ / + are allowed`;
}

/**
 * Whether the control plane exchanges the name for another one: what Go's `url.ParseRequestURI` accepts, an
 * absolute URI or an absolute path. Such a name is signed, so it is never saved or shown.
 */
export function isUrlName(name: string): boolean {
  if (name === "*") return true;
  if ([...name].some((character) => character < " " || character === "\u007f")) return false;
  const [, scheme = "", rest = ""] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(name) ?? [];
  const [target = ""] = rest.split("?", 1);
  if (!target.startsWith("/")) return scheme !== "";
  if (scheme === "" || !target.startsWith("//")) return isEscaped(target);
  const [, authority = "", path = ""] = /^\/\/([^/]*)(.*)$/s.exec(target) ?? [];
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const isHost = /^(\[[^\]]*\]|[^:[\]\s<>"\\^`{|}]*)(:\d*)?$/.test(host);
  return isHost && isEscaped(authority) && isEscaped(path);
}

function isEscaped(text: string): boolean {
  return !/%(?![0-9A-Fa-f]{2})/.test(text);
}
