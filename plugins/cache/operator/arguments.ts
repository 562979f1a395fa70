import type { SharedObjects } from "./handler.ts";

/** The flag that all commands of the cache have. */
export const projectArgument = {
  type: "string",
  description: "id of a project; all projects without it",
  valueHint: "id",
} as const;

/** What all commands of the cache are. */
export const operatorCommand = {
  group: "operate",
  listedOptions: ["config-file", "config-env", "state-dir", "cache-path"],
  configurationPlace: "host",
  log: "stderr",
} as const;

/** Returns the path of a request for one project, or for all. */
export function toPath(what: "objects" | "usage", project: string | undefined): string {
  return project === undefined ? `/-/${what}` : `/-/${what}?project=${encodeURIComponent(project)}`;
}

/** Says which projects share objects (`cache-share`): `project "web" stands for web, api, which share its objects`. */
export function describeShared(shared: readonly SharedObjects[]): string[] {
  return shared.map(({ project, sharedBy }) =>
    sharedBy === "all"
      ? `project "${project}" stands for all projects, which share its objects (cache-share)`
      : `project "${project}" stands for ${sharedBy.join(", ")}, which share its objects (cache-share)`,
  );
}
