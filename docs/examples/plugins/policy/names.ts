/** Whether a pattern matches a name as a whole, in any case: `*` is any text, also none, and everything else is itself. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "is").test(name);
}

/** One image has many names: `ruby` is `docker.io/library/ruby:latest`, which is compared with its version and without. */
export function toImageNames(image: string): string[] {
  const name = toFullName(image.trim());
  const version = /[:@][^/]*$/.exec(name.slice(name.lastIndexOf("/")))?.[0] ?? "";
  const repository = name.slice(0, name.length - version.length);
  return [repository, `${repository}${version || ":latest"}`];
}

/** A pattern without a version means each of the image's; one that begins with `*` means any registry. */
export function toImagePattern(pattern: string): string {
  return pattern.startsWith("*") ? pattern : toFullName(pattern);
}

/** `git@github.com:acme/app.git` and `https://token@github.com/acme/app` become `github.com/acme/app`. */
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

/** With its registry: a first part with a dot, a colon or `localhost` is one, as Docker reads it. */
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
