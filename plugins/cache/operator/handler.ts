import { isSameToken } from "signalman/http";
import type { Exchange, Handler } from "signalman/http";
import type { IndexEntry } from "../store/object-index.ts";
import type { ObjectStore, ProjectUsage } from "../store/store.ts";
import type { CacheUse, CacheUses } from "../uses.ts";

/** `GET /-/usage`. */
export interface UsageAnswer {
  /** `cache-size`, in bytes. */
  readonly capacity: number;
  readonly bytes: number;
  readonly projects: readonly ProjectUsage[];
}

/** `GET /-/objects`. */
export interface ObjectsAnswer {
  readonly total: number;
  /** Those that were used last come first. */
  readonly objects: readonly ObjectView[];
}

export interface ObjectView extends Pick<IndexEntry, "project" | "key" | "size"> {
  /** Unix milliseconds. */
  readonly modifiedAt: number;
  readonly usedAt: number;
}

/** `DELETE /-/objects`. */
export interface ClearAnswer {
  readonly removed: number;
}

export interface OperatorOptions {
  readonly token: string;
  readonly store: Pick<ObjectStore, "loaded" | "cost" | "projects" | "entriesOf" | "remove">;
  readonly uses: Pick<CacheUses, "of">;
  /** Bytes. */
  readonly capacity: number;
  /** Answers all other requests. */
  readonly next: Handler;
}

/** Answers the requests of the operator's commands and of the processes of jobs, at paths that no bucket can have. */
export function createOperatorHandler(options: OperatorOptions): Handler {
  const { token, store, next } = options;
  return async (exchange) => {
    if (!exchange.path.startsWith("/-/")) return next(exchange);
    if (!isSameToken(exchange.header("authorization"), `Bearer ${token}`))
      return exchange.send(401, "the token of the cache is required\n");
    await store.loaded;
    const answer = await route(exchange, options);
    if (answer === undefined) return exchange.send(404, "not found\n");
    return exchange.send(200, JSON.stringify(answer), { "content-type": "application/json" });
  };
}

type OperatorAnswer = UsageAnswer | ObjectsAnswer | ClearAnswer | CacheUse;

async function route(
  { method, path, query }: Exchange,
  { store, uses, capacity }: OperatorOptions,
): Promise<OperatorAnswer | undefined> {
  const wanted = query.get("project");
  const projects = () => (wanted === null ? store.projects().map(({ project }) => project) : [wanted]);
  switch (`${method} ${path}`) {
    case "GET /-/usage":
      return { capacity, bytes: store.cost, projects: store.projects() };
    case "GET /-/objects":
      return toObjects(projects().flatMap((project) => store.entriesOf(project)));
    case "DELETE /-/objects": {
      let removed = 0;
      for (const project of projects())
        for (const { key } of store.entriesOf(project))
          removed += Number(await store.remove({ project, key }));
      return { removed };
    }
    case "GET /-/use":
      return uses.of(query.get("job") ?? "");
    default:
      return undefined;
  }
}

function toObjects(entries: readonly IndexEntry[]): ObjectsAnswer {
  const objects = entries
    .toSorted((a, b) => b.usedAt - a.usedAt)
    .slice(0, mostObjects)
    .map(({ project, key, size, modifiedAt, usedAt }) => ({ project, key, size, modifiedAt, usedAt }));
  return { total: entries.length, objects };
}

const mostObjects = 10_000;
