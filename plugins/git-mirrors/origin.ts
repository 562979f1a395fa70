/** The repository that a job checks out, as the control plane names it. */
export interface Origin {
  readonly kind: "ssh" | "http";
  /** The text of `SEMAPHORE_GIT_URL`, which git is given, too. It has no password. */
  readonly url: string;
  /** For ssh: `user@host`, as git calls ssh. For http: `https://host:port`. */
  readonly host: string;
  /** For ssh: empty for the default port. */
  readonly port: string;
  /** The repository on the host, as git names it there. */
  readonly path: string;
}

/**
 * Parses the URL of a repository; returns why it is not mirrored as a text. Local paths, `file://`, `git://` and
 * helpers (`ext::`) are never mirrored: they prove no credentials, or run programs.
 */
export function parseOrigin(text: string): Origin | string {
  if (text.length > 2048 || /[^\x21-\x7e]|['"\\`]/.test(text)) return "its URL has unusual characters";
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? parseUrl(text) : parseScp(text);
}

/** `git@host:owner/repo.git`. */
function parseScp(url: string): Origin | string {
  const [, host, path] = /^((?:[\w.+-]+@)?\w[\w.-]*):([^:/][^:]*|\/[^:]*)$/.exec(url) ?? [];
  if (host === undefined || path === undefined || host.startsWith("-"))
    return "its URL is neither that of an ssh nor of an http server";
  return { kind: "ssh", url, host, port: "", path };
}

function parseUrl(url: string): Origin | string {
  if (!URL.canParse(url)) return "its URL cannot be parsed";
  const { protocol, username, password, hostname, port, pathname, search, hash } = new URL(url);
  if (protocol !== "ssh:" && protocol !== "http:" && protocol !== "https:")
    return `${protocol}// is never mirrored`;
  if (password !== "") return "its URL has a password";
  if (search !== "" || hash !== "" || /[%~]|\/\.{1,2}(\/|$)/.test(url))
    return "its URL has unusual characters";
  if (!/^\w[\w.-]*$/.test(hostname) || pathname.length < 2) return "its URL names no host or no repository";
  if (protocol === "ssh:") {
    if (username !== "" && !/^[\w.+][\w.+-]*$/.test(username)) return "its URL has unusual characters";
    const host = username === "" ? hostname : `${username}@${hostname}`;
    return { kind: "ssh", url, host, port, path: pathname };
  }
  if (username !== "") return "its URL has a user";
  if (url.endsWith("/")) return "its URL ends with a slash";
  const host = `${protocol}//${hostname}:${port === "" ? defaultPorts[protocol] : port}`;
  return { kind: "http", url, host, port, path: pathname };
}

const defaultPorts = { "http:": "80", "https:": "443" } as const;
