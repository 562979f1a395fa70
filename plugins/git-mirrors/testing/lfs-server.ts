import { createHash } from "node:crypto";

/** The large files of repositories, by their SHA-256. */
export type LfsObjects = Map<string, Uint8Array>;

/** Whether this machine has git-lfs to test with. */
export const hasLfs = Bun.which("git-lfs") !== null;

/** Adds a large file, and returns the pointer that is committed for it. */
export function addLfsObject(objects: LfsObjects, content: Uint8Array): string {
  const oid = toOid(content);
  objects.set(oid, content);
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;
}

/** Answers requests of git-lfs: its batch API, and its basic transfers both ways, by the same credentials. */
export async function answerLfs(objects: LfsObjects, request: Request): Promise<Response | undefined> {
  const [, repository, call = ""] = /^(.*)\/info\/lfs\/(.*)$/.exec(new URL(request.url).pathname) ?? [];
  if (repository === undefined) return undefined;
  if (call === "objects/batch" && request.method === "POST") {
    const batch = (await request.json()) as Batch;
    const storage = {
      url: `${new URL(request.url).origin}${repository}/info/lfs/storage`,
      authorization: request.headers.get("authorization"),
    };
    const found = batch.objects.map((object) => ({
      ...object,
      ...toActions(batch.operation, storage, objects.has(object.oid), object),
    }));
    return Response.json({ transfer: "basic", objects: found }, { headers: { "content-type": mediaType } });
  }
  const oid = /^storage\/([0-9a-f]{64})$/.exec(call)?.[1] ?? "";
  const content = objects.get(oid);
  if (request.method === "GET" && content !== undefined) return new Response(new Uint8Array(content));
  if (request.method !== "PUT") return new Response("not here", { status: 404 });
  const given = new Uint8Array(await request.arrayBuffer());
  if (toOid(given) !== oid) return new Response("another file", { status: 422 });
  objects.set(oid, given);
  return new Response();
}

interface Batch {
  readonly operation: "download" | "upload";
  readonly objects: readonly { readonly oid: string; readonly size: number }[];
}

function toActions(
  operation: Batch["operation"],
  { url, authorization }: { readonly url: string; readonly authorization: string | null },
  isStored: boolean,
  { oid }: { readonly oid: string },
): object {
  const header = authorization === null ? {} : { Authorization: authorization };
  const action = { [operation]: { href: `${url}/${oid}`, header } };
  if (operation === "upload") return isStored ? {} : { actions: action };
  return isStored ? { actions: action } : { error: { code: 404, message: "not stored" } };
}

function toOid(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

const mediaType = "application/vnd.git-lfs+json";
