/** Whether a pattern matches the complete name, ignoring case. `*` matches any text, including none. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "is").test(name);
}

/** Returns the full name of an image without and with its version: `ruby` is `docker.io/library/ruby:latest`. */
export function toImageNames(image: string): string[] {
  const name = toFullName(image.trim());
  const version = /[:@][^/]*$/.exec(name.slice(name.lastIndexOf("/")))?.[0] ?? "";
  const repository = name.slice(0, name.length - version.length);
  return [repository, `${repository}${version || ":latest"}`];
}

/** Returns the pattern with its registry. A pattern that begins with `*` matches any registry. */
export function toImagePattern(pattern: string): string {
  return pattern.startsWith("*") ? pattern : toFullName(pattern);
}

/** Converts `git@github.com:acme/app.git` and `https://token@github.com/acme/app` to `github.com/acme/app`. */
export function toRepositoryName(url: string): string {
  const text = url.trim();
  const [, host, path] =
    /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/]+)\/(.*)$/i.exec(text) ??
    /^(?:[^/@]*@)?([^/:]+):(.*)$/.exec(text) ??
    [];
  if (host === undefined || path === undefined) return text;
  return `${host.replace(/:\d+$/, "")}/${path
    .replace(/^\/+/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")}`;
}

/** Adds the default registry. As in Docker, a first part with a dot or colon, or `localhost`, is a registry. */
function toFullName(name: string): string {
  const [first = "", ...rest] = name.split("/");
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const registry = hasRegistry
    ? first.replace(/^(index|registry-1)\.docker\.io$/i, "docker.io")
    : "docker.io";
  const path = hasRegistry ? rest : [first, ...rest];
  const isOfficial = registry.toLowerCase() === "docker.io" && path.length === 1;
  return [registry, ...(isOfficial ? ["library"] : []), ...path].join("/");
}
