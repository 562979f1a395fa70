import { posix } from "node:path";
import type Docker from "dockerode";
import { AgentError, decodeBase64, type JobContainer, type JobFile, toSize } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { statusOf } from "../engine/errors.ts";
import { readFirstFile, type TarEntry, toTar } from "./tar.ts";

interface User {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * Copies a container's files into it before its start. They belong to the container's user, and their paths
 * are resolved like those of the job's files.
 */
export async function putContainerFiles(
  engine: Engine,
  container: Docker.Container,
  { name, files }: Pick<JobContainer, "name" | "files">,
): Promise<void> {
  if (files.length === 0) return;
  const what = `copy the files of container "${name}"`;
  const { Config, HostConfig } = await engine.call(what, container.inspect());
  const accounts = await readAccounts(engine, container, name, what);
  const user = toUser(Config.User ?? "", accounts);
  const entries = files.map((file) => toEntry(name, file, user));
  const put = async (some: readonly TarEntry[], path: string) =>
    engine.call(what, container.putArchive(await toTar(some), { path }));
  if (!HostConfig.ReadonlyRootfs) return void (await put(entries, "/"));
  // In a container with a read-only root, the engine can write only into volumes.
  for (const entry of entries) {
    const { dir, base } = posix.parse(`/${entry.name}`);
    await put([{ ...entry, name: base }], dir);
  }
}

/** Lists the directories of a container's files as volumes, for a container with a read-only root. */
export function toFileVolumes({ files }: Pick<JobContainer, "files">): Record<string, Record<string, never>> {
  const directories = files.filter(({ path }) => path.startsWith("/")).map(({ path }) => posix.dirname(path));
  return Object.fromEntries(directories.filter((each) => each !== "/").map((each) => [each, {}]));
}

function toEntry(container: string, { path, content, mode }: JobFile, { uid, gid, home }: User): TarEntry {
  const bytes = decodeBase64(content);
  const where = `file "${path}" of container "${container}"`;
  if (bytes === undefined)
    throw new AgentError("JOB_INVALID", `${where}: Failed to decode the content of the file.`);
  if (!/^[0-7]{1,5}$/.test(mode))
    throw new AgentError("JOB_INVALID", `${where}: Failed to set file mode to ${mode}`);
  const inHome = path.startsWith("~") ? path.replace(/^~\/?/, "") : path;
  const full = path.startsWith("/") ? path : posix.join(home, inHome);
  return {
    name: full.replace(/^\/+/, ""),
    mode: Number.parseInt(mode, 8) & 0o7777,
    uid,
    gid,
    content: bytes,
  };
}

/**
 * Reads the container's /etc/passwd; an image without one gives an empty text. The size is bounded, since the
 * image is untrusted.
 */
async function readAccounts(
  engine: Engine,
  container: Docker.Container,
  name: string,
  what: string,
): Promise<string> {
  const stream = await engine.call(what, container.getArchive({ path: accountsPath })).catch((error) => {
    // An HTTP status means that the image has no such file.
    if (statusOf(error) !== undefined) return undefined;
    throw error;
  });
  const file = stream && (await engine.call(what, readFirstFile(stream, maxAccountBytes)));
  if (file !== "too large") return file?.toString() ?? "";
  const title = `"${accountsPath}" of the image of container "${name}" is larger than ${toSize(maxAccountBytes)}`;
  throw new AgentError("DOCKER_FAILED", `cannot ${what}: ${title}; use an image with fewer accounts`);
}

const accountsPath = "/etc/passwd";
const maxAccountBytes = 1024 * 1024;

/** Resolves `user` or `user:group`, by name or number. */
function toUser(text: string, accounts: string): User {
  const [user = "", group] = (text || "0").split(":");
  const lines = accounts.split("\n").map((line) => line.split(":"));
  const line = lines.find(([name, , uid]) => name === user || uid === user);
  const number = (value: string | undefined, other: number) =>
    /^\d+$/.test(value ?? "") ? Number(value) : other;
  return {
    uid: number(line?.[2], number(user, 0)),
    gid: number(group, number(line?.[3], 0)),
    home: line?.[5] || "/",
  };
}
