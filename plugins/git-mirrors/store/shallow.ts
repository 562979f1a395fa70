import { stat } from "node:fs/promises";
import { join } from "node:path";

/** git's list of the commits whose parents a repository lacks. A mirror has it after the answer to a shallow clone. */
export function toShallowPath(repository: string): string {
  return join(repository, "shallow");
}

export async function isShallow(repository: string): Promise<boolean> {
  return (await stat(toShallowPath(repository)).catch(() => undefined)) !== undefined;
}
