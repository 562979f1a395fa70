/** Which projects share their objects. Each project has a space, which is its own or that of its group. */
export interface Sharing {
  /** Returns the space of a project, in whose name objects are stored. */
  spaceOf(project: string): string;
  /** Returns the projects of a shared space; `undefined` for the space of one project. */
  projectsOf(space: string): readonly string[] | "all" | undefined;
}

/** The groups of `cache-share`: ids that are joined by `+`, or `all`. A group's space is that of its first project. */
export function createSharing(groups: readonly string[]): Sharing {
  if (groups.includes(everyProject)) {
    return { spaceOf: () => spaceOfAll, projectsOf: (space) => (space === spaceOfAll ? "all" : undefined) };
  }
  const members = new Map(groups.map(parseGroup).map((projects) => [projects[0]!, projects]));
  const spaces = new Map([...members].flatMap(([space, projects]) => projects.map((each) => [each, space])));
  return {
    spaceOf: (project) => spaces.get(project) ?? project,
    projectsOf: (space) => members.get(space),
  };
}

/** Returns the fault of a group; `undefined` when it is valid. */
export function findGroupFault(group: string): string | undefined {
  if (group === everyProject) return undefined;
  const projects = parseGroup(group);
  if (projects.length < 2 || !projects.every(isProjectId))
    return "expected ids of two or more projects, joined by +, or all";
  return new Set(projects).size < projects.length ? "a project is named twice" : undefined;
}

/** Returns the fault of all groups together; `undefined` when they are valid. */
export function findSharingFault(groups: readonly string[]): string | undefined {
  if (groups.includes(everyProject))
    return groups.length > 1 ? "all includes every project, and is the only group then" : undefined;
  const projects = groups.flatMap(parseGroup);
  const twice = projects.find((each, at) => projects.indexOf(each) < at);
  return twice === undefined ? undefined : `project "${twice}" is in two groups: join them`;
}

/** Whether a text can be the id of a project: objects of others are never below it. */
export function isProjectId(text: string): boolean {
  return /^[\w-]{1,128}$/.test(text);
}

function parseGroup(group: string): string[] {
  return group.split("+");
}

const everyProject = "all";

/** No project has this id. */
const spaceOfAll = ".all";
