import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { decodeBase64, type JobRequest } from "signalman";
import { createFile, makeDirectory } from "../store/files.ts";

/** The credentials of a job for ssh, as files that only the agent's user can read. */
export interface SshCredentials extends AsyncDisposable {
  /** The words of an ssh that uses nothing else. */
  readonly words: readonly string[];
}

/**
 * Writes the keys and known hosts of a job's request to files. What the job's own processes have written is not used:
 * it could lead to another server under the origin's name. Returns a reason when the request has no key.
 */
export async function writeSshCredentials(
  { files }: Pick<JobRequest, "files">,
  root: string,
): Promise<SshCredentials | string> {
  const find = (name: RegExp): { path: string; content: Uint8Array }[] =>
    files.flatMap(({ path, content }) => {
      const bytes = decodeBase64(content);
      return name.test(path) && bytes !== undefined ? [{ path, content: bytes }] : [];
    });
  if (find(/(^|\/)\.ssh\/config$/).length > 0) return "the job's request has an ssh configuration of its own";
  const keys = find(/(^|\/)\.ssh\/id_[\w.-]+$/).filter(({ path }) => !path.endsWith(".pub"));
  if (keys.length === 0) return "the job's request has no ssh key (.ssh/id_…)";
  const directory = join(root, `.keys-${process.pid}-${randomBytes(8).toString("hex")}`);
  await makeDirectory(directory);
  const dispose = async (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const write = async (name: string, content: Uint8Array): Promise<string> => {
      const path = join(directory, name);
      await using file = await createFile(path);
      await file.writeFile(content);
      return path;
    };
    const paths: string[] = [];
    for (const [index, { content }] of keys.slice(0, mostKeys).entries())
      paths.push(await write(`key-${index}`, content));
    const hosts = find(/(^|\/)\.ssh\/known_hosts$/)[0];
    const known =
      hosts === undefined ? [] : ["-o", `UserKnownHostsFile="${await write("known_hosts", hosts.content)}"`];
    return {
      words: [...sshWords, ...known, ...paths.flatMap((path) => ["-i", path])],
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

const sshWords = [
  "ssh",
  "-F",
  "/dev/null",
  ...[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "ClearAllForwardings=yes",
    "ConnectTimeout=20",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
  ].flatMap((option) => ["-o", option]),
];

const mostKeys = 10;
