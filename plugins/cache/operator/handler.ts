import { isSameToken } from "signalman/http";
import type { Exchange, Handler } from "signalman/http";
import type { Sharing } from "../sharing.ts";
import type { IndexEntry } from "../store/object-index.ts";
import type { ObjectStore, ProjectUsage } from "../store/store.ts";
import type { CacheUse, CacheUses } from "../uses.ts";

/** `GET /-/usage`. */
export interface UsageAnswer {
  /** `cache-size`, in bytes. */
  readonly capacity: number;
  readonly bytes: number;
  /** Changes of all projects that `cache-upstream` has not got yet. */
  readonly waiting: number;
  /** Unix milliseconds of the earliest one. */
  readonly waitingSince?: number | undefined;
  /** The objects of projects that share theirs are those of one of them. */
  readonly projects: readonly ProjectUsage[];
  readonly shared: readonly SharedObjects[];
}

/** Objects that several projects use. */
export interface SharedObjects {
  /** As it is named in other answers. */
  readonly project: string;
  readonly sharedBy: readonly string[] | "all";
}

/** `GET /-/objects`. */
export interface ObjectsAnswer {
  readonly total: number;
  /** Those that were used last come first. */
  readonly objects: readonly ObjectView[];
  readonly shared: readonly SharedObjects[];
}

export interface ObjectView extends Pick<IndexEntry, "project" | "key" | "size"> {
  /** Unix milliseconds. */
  readonly modifiedAt: number;
  readonly usedAt: number;
}

/** `DELETE /-/objects`. */
export interface ClearAnswer {
  readonly removed: number;
  readonly shared: readonly SharedObjects[];
}

export interface OperatorOptions {
  readonly token: string;
  readonly store: Pick<ObjectStore, "loaded" | "cost" | "waiting" | "projects" | "entriesOf" | "remove">;
  readonly uses: Pick<CacheUses, "of">;
  readonly sharing: Sharing;
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
  { store, uses, sharing, capacity }: OperatorOptions,
): Promise<OperatorAnswer | undefined> {
  const wanted = query.get("project");
  const known = store.projects().map(({ project }) => project);
  // Those of a project from before it shared the objects of others are still its own.
  const projects = wanted === null ? known : [...new Set([sharing.spaceOf(wanted), wanted])];
  const shared = projects.flatMap((project) => {
    const sharedBy = known.includes(project) ? sharing.projectsOf(project) : undefined;
    return sharedBy === undefined ? [] : [{ project, sharedBy }];
  });
  switch (`${method} ${path}`) {
    case "GET /-/usage":
      return {
        capacity,
        bytes: store.cost,
        waiting: store.waiting.count,
        waitingSince: store.waiting.since,
        projects: store.projects().filter(({ project }) => projects.includes(project)),
        shared,
      };
    case "GET /-/objects":
      return { ...toObjects(projects.flatMap((project) => store.entriesOf(project))), shared };
    case "DELETE /-/objects": {
      let removed = 0;
      for (const project of projects)
        for (const { key } of store.entriesOf(project))
          removed += Number(await store.remove({ project, key }));
      return { removed, shared };
    }
    case "GET /-/use":
      return uses.of(query.get("job") ?? "");
    default:
      return undefined;
  }
}

function toObjects(entries: readonly IndexEntry[]): Pick<ObjectsAnswer, "total" | "objects"> {
  const objects = entries
    .toSorted((a, b) => b.usedAt - a.usedAt)
    .slice(0, mostObjects)
    .map(({ project, key, size, modifiedAt, usedAt }) => ({ project, key, size, modifiedAt, usedAt }));
  return { total: entries.length, objects };
}

const mostObjects = 10_000;
