export interface Proxy {
  /** The environment variable that sets the proxy. */
  readonly variable: string;
  /** The quoted address without credentials. */
  readonly shown: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds the proxy that requests to `url` use, from the environment variables. */
export function findProxy(url: URL, env: Environment): Proxy | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const variable = [name.toLowerCase(), name].find((candidate) => env[candidate]);
  if (variable === undefined || isExcepted(url, env["no_proxy"] || env["NO_PROXY"] || "")) return undefined;
  const proxy = env[variable]!;
  return { variable, shown: `"${proxy.replace(/[^/]*@/, "…@")}"` };
}

/** Whether `no_proxy` lists the URL: by `*`, by its host, or by a parent domain, with or without a port. */
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
