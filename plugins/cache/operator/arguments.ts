/** The flag that all commands of the cache have. */
export const projectArgument = {
  type: "string",
  description: "id of a project; all projects without it",
  valueHint: "id",
} as const;

/** What all commands of the cache are. */
export const operatorCommand = {
  group: "operate",
  listedOptions: ["config-file", "config-env", "state-dir"],
  configurationPlace: "host",
  log: "stderr",
} as const;

/** Returns the path of a request for the objects of one project, or of all. */
export function toObjectsPath(project: string | undefined): string {
  return project === undefined ? "/-/objects" : `/-/objects?project=${encodeURIComponent(project)}`;
}
