export interface Proxy {
  /** The variable that names it. */
  readonly variable: string;
  /** Without a password. */
  readonly shown: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Which proxy calls to `url` go through, as the variables say it. */
export function findProxy(url: URL, env: Environment): Proxy | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const variable = [name.toLowerCase(), name].find((candidate) => env[candidate]);
  if (variable === undefined || isExcepted(url, env["no_proxy"] || env["NO_PROXY"] || "")) return undefined;
  const proxy = env[variable]!;
  return { variable, shown: `"${proxy.replace(/[^/]*@/, "…@")}"` };
}

/** `*`, hosts, and domains with all that is in them; with a port or without. */
function isExcepted({ host, hostname }: URL, list: string): boolean {
  return list
    .split(",")
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ""),
    )
    .some(
      (entry) =>
        entry === "*" ||
        ([host, hostname].some((one) => one === entry || one.endsWith(`.${entry}`)) && entry !== ""),
    );
}
