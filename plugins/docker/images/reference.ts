/** A parsed image name. */
export interface ImageReference {
  /** Host of the registry in lower case: `docker.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Name with a tag or a digest: without one, an engine pulls all tags. */
  readonly pullName: string;
}

/** Whether a name is `[registry/]name[:tag][@digest]`. */
export function isReference(image: string): boolean {
  const name = "[a-zA-Z0-9_][a-zA-Z0-9_.-]*";
  return new RegExp(`^${name}(:\\d+/${name})?(/${name})*(:[\\w.-]+)?(@[\\w+.-]+:[0-9a-fA-F]+)?$`).test(image);
}

export const dockerHub = "docker.io";

export function parseReference(image: string): ImageReference {
  const [first = "", ...rest] = image.split("/");
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const path = hasRegistry ? rest.join("/") : image;
  const isExact = path.includes("@") || path.includes(":");
  return {
    registry: toRegistry(hasRegistry ? first : dockerHub),
    pullName: isExact ? image : `${image}:latest`,
  };
}

/** Returns the host of a registry's address. All addresses of Docker Hub give `docker.io`. */
export function toRegistry(address: string): string {
  const host = address
    .replace(/^[a-z]+:\/\//i, "")
    .replace(/\/.*$/, "")
    .toLowerCase();
  return /^(|index\.docker\.io|registry-1\.docker\.io|hub\.docker\.com)$/.test(host) ? dockerHub : host;
}
