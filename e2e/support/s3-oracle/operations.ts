import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { createRandom } from "../crash-job.ts";
import {
  type ListedPage,
  readAnswer,
  readList,
  readText,
  type SendOptions,
  type Side,
  toDigest,
  toPlain,
} from "./side.ts";

/** A request of one client, the same for each server. */
export interface Operation {
  readonly text: string;
  /** Sends it; resolves to what is compared. */
  run(side: Side): Promise<Record<string, unknown>>;
}

/** Draws numbers and choices that follow from a seed. */
export interface Draws {
  /** From 0 to below `end`. */
  below(end: number): number;
  of<T>(values: readonly T[]): T;
}

export function createDraws(seed: number): Draws {
  const random = createRandom(seed);
  const below = (end: number): number => Math.floor(random() * end);
  return { below, of: (values) => values[below(values.length)]! };
}

/** Draws the next operation of a client, whose keys are below `folder`. */
export function drawOperation(draws: Draws, folder: string): Operation {
  const kinds = [put, put, put, read, read, read, read, remove, removeMany, list, list, multipart, upload];
  return draws.of(kinds)(draws, folder);
}

const keys = ["a", "b c", "d/1", "d/2", "d-1", "e+f", "ü"];

function drawKey(draws: Draws, folder: string): string {
  return `${folder}/${draws.of(keys)}`;
}

function toPath(key: string): string {
  return `/${key.split("/").map(encodeURIComponent).join("/")}`;
}

function drawBody(draws: Draws): Buffer {
  const size = draws.of([0, 1, 100, 4096, 131_072, 131_073, 300_000]);
  return Buffer.alloc(size, `${draws.below(1000)} `);
}

/** PutObject, some with a condition, digests, a type or metadata. */
function put(draws: Draws, folder: string): Operation {
  const key = drawKey(draws, folder);
  const body = drawBody(draws);
  const headers: Record<string, string> = {};
  if (draws.below(2) === 0) headers["content-type"] = draws.of(["text/plain", "application/gzip"]);
  if (draws.below(4) === 0) headers["x-amz-meta-note"] = `note ${draws.below(10)}`;
  if (draws.below(8) === 0) headers["content-encoding"] = "compress";
  const isWrong = draws.below(10) === 0;
  const digest = draws.of(["", "", "content-md5", "x-amz-checksum-sha256", "x-amz-checksum-crc32"]);
  if (digest !== "") headers[digest] = toDigestHeader(digest, isWrong ? Buffer.from("another") : body);
  // Of a wrong digest and a condition that does not hold, servers report either.
  const condition = isWrong ? "" : draws.of(["", "", "", "none", "match", "stale"]);
  return {
    text: `put ${key} ${body.length} ${JSON.stringify(headers)} ${condition}`,
    async run(side) {
      const current = side.etags.get(key);
      const own = { ...headers };
      if (condition === "none") own["if-none-match"] = "*";
      if (condition === "match" && current) own["if-match"] = `"${current}"`;
      if (condition === "stale") own["if-match"] = `"${"0".repeat(32)}"`;
      const answer = await side.send("PUT", toPath(key), { body, headers: own });
      return keepEtag(answer, side, key, `content ${toDigest(body)}`);
    },
  };
}

function toDigestHeader(name: string, body: Uint8Array): string {
  if (name === "content-md5") return createHash("md5").update(body).digest("base64");
  if (name === "x-amz-checksum-sha256") return createHash("sha256").update(body).digest("base64");
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString("base64");
}

async function keepEtag(answer: Response, side: Side, key: string, label: string) {
  const text = await answer.text();
  if (answer.status !== 200) return { status: answer.status, code: readText(text, "Code")[0] };
  const etag = toPlain(answer.headers.get("etag") ?? readText(text, "ETag")[0] ?? "");
  side.labels.set(etag, label);
  side.etags.set(key, etag);
  return { status: 200, hasEtag: etag !== "" };
}

/** GetObject and HeadObject, some with a range or a condition. */
function read(draws: Draws, folder: string): Operation {
  const key = drawKey(draws, folder);
  const method = draws.of(["GET", "GET", "HEAD"]);
  const ranges = [
    "",
    "",
    "bytes=0-0",
    "bytes=10-99",
    "bytes=131000-140000",
    "bytes=-5",
    "bytes=4096-",
    "bytes=5-2",
  ];
  const range = draws.of([...ranges, "bytes=1000000-", "items=0-1"]);
  const condition = draws.of(["", "", "", "if-match", "if-none-match", "stale"]);
  return {
    text: `${method} ${key} ${range} ${condition}`,
    async run(side) {
      const headers: Record<string, string> = range === "" ? {} : { range };
      const current = side.etags.get(key);
      if (condition === "stale") headers["if-match"] = `"${"0".repeat(32)}"`;
      else if (condition !== "" && current) headers[condition] = `"${current}"`;
      if (range === "" && condition === "") headers["x-amz-checksum-mode"] = "ENABLED";
      return readAnswer(await side.send(method, toPath(key), { headers }), side);
    },
  };
}

function remove(draws: Draws, folder: string): Operation {
  const key = drawKey(draws, folder);
  return {
    text: `delete ${key}`,
    async run(side) {
      const { status } = await side.send("DELETE", toPath(key));
      side.etags.delete(key);
      return { status };
    },
  };
}

function removeMany(draws: Draws, folder: string): Operation {
  const names = [...new Set(Array.from({ length: 3 }, () => drawKey(draws, folder)))];
  const isQuiet = draws.below(2) === 0;
  const objects = names.map((key) => `<Object><Key>${key}</Key></Object>`).join("");
  const body = `<Delete>${objects}${isQuiet ? "<Quiet>true</Quiet>" : ""}</Delete>`;
  return {
    text: `delete ${names.join(", ")}${isQuiet ? " quietly" : ""}`,
    async run(side) {
      const headers = { "content-md5": toDigestHeader("content-md5", Buffer.from(body)) };
      const answer = await side.send("POST", "?delete", { body, headers });
      for (const key of names) side.etags.delete(key);
      const text = await answer.text();
      // Meant: versitygw names deleted keys although the request is quiet.
      const deleted = isQuiet ? undefined : readText(text, "Key").toSorted();
      return { status: answer.status, deleted, code: readText(text, "Code")[0] };
    },
  };
}

/** ListObjects, both versions. */
function list(draws: Draws, folder: string): Operation {
  const query = new URLSearchParams();
  const isSecond = draws.below(2) === 0;
  if (isSecond) query.set("list-type", "2");
  query.set("prefix", `${folder}/${draws.of(["", "", "d", "d/", "b ", "x"])}`);
  if (draws.below(2) === 0) query.set("delimiter", "/");
  if (draws.below(2) === 0) query.set("max-keys", draws.of(["1", "2", "3", "0", "1000"]));
  if (draws.below(3) === 0) query.set(isSecond ? "start-after" : "marker", drawKey(draws, folder));
  return {
    text: `list ${query}`,
    async run(side) {
      const pages: ListedPage[] = [];
      const next = new URLSearchParams(query);
      do {
        const page = await readList(await side.send("GET", `?${next}`), side);
        if (page.keys.length + page.prefixes.length > 0 || pages.length === 0) pages.push(page);
        if (page.next === undefined) break;
        next.set(isSecond ? "continuation-token" : "marker", page.next);
      } while (pages.length < 20);
      // Meant, and left out: versitygw says of a page that is full and the last one that more follow.
      return { pages: pages.map(({ next: _, ...page }) => page) };
    },
  };
}

/** A whole upload in parts, some with a fault at its end. */
function multipart(draws: Draws, folder: string): Operation {
  const key = drawKey(draws, folder);
  const partBytes = 5 * 1024 * 1024;
  const bodies = draws.below(6) === 0 ? [Buffer.alloc(partBytes, "1"), drawBody(draws)] : [drawBody(draws)];
  const fault = draws.of(["", "", "", "etag", "missing", "order", "small", "none"]);
  if (fault === "small" || fault === "order") bodies.push(Buffer.from("further"));
  return {
    text: `multipart ${key} ${bodies.map(({ length }) => length).join("+")} ${fault}`,
    async run(side) {
      const begun = await (await side.send("POST", `${toPath(key)}?uploads`)).text();
      const target = `${toPath(key)}?uploadId=${encodeURIComponent(readText(begun, "UploadId")[0] ?? "")}`;
      const parts: string[] = [];
      for (const [at, body] of bodies.entries()) {
        const answer = await side.send("PUT", `${target}&partNumber=${at + 1}`, { body });
        if (answer.status !== 200) return { status: answer.status, part: at };
        const etag = fault === "etag" ? "0".repeat(32) : toPlain(answer.headers.get("etag") ?? "");
        parts.push(
          `<Part><PartNumber>${fault === "missing" ? 9 : at + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
        );
      }
      if (fault === "order") parts.reverse();
      const document = `<CompleteMultipartUpload>${fault === "none" ? "" : parts.join("")}</CompleteMultipartUpload>`;
      const answer = await side.send("POST", target, { body: document });
      const label = `content ${toDigest(Buffer.concat(bodies))} in ${bodies.length} parts`;
      const etag = readText(await answer.clone().text(), "ETag")[0];
      const kept = await keepEtag(answer, side, key, label);
      if (etag === undefined) await side.send("DELETE", target);
      return kept.status === 200 ? { ...kept, hasCount: etag?.includes(`-${bodies.length}`) } : kept;
    },
  };
}

/** Requests about uploads that do not exist, or were aborted. */
function upload(draws: Draws, folder: string): Operation {
  const key = drawKey(draws, folder);
  // Meant, and left out: versitygw answers 200 to some completions of aborted uploads, the cache NoSuchUpload.
  const what = draws.of(["part", "abort"]);
  return {
    text: `${what} of an aborted upload ${key}`,
    async run(side) {
      const begun = await (await side.send("POST", `${toPath(key)}?uploads`)).text();
      const target = `${toPath(key)}?uploadId=${encodeURIComponent(readText(begun, "UploadId")[0] ?? "")}`;
      const aborted = await side.send("DELETE", target);
      const requests: Record<string, [string, string, SendOptions]> = {
        part: ["PUT", `${target}&partNumber=1`, { body: "part" }],
        abort: ["DELETE", target, {}],
      };
      const answer = await side.send(...requests[what]!);
      return {
        aborted: aborted.status,
        status: answer.status,
        code: readText(await answer.text(), "Code")[0],
      };
    },
  };
}
