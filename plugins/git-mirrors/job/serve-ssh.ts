import type { Socket } from "node:net";
import { toMessage, withDeadline } from "signalman";
import type { Origin } from "../origin.ts";
import { createPacketReader, type Packet, type PacketReader } from "../protocol/packets.ts";
import { parseRequest, type Request } from "../protocol/request.ts";
import { createResumingReader } from "../protocol/resume.ts";
import type { Upload } from "../protocol/upload.ts";
import { readPieces } from "../store/files.ts";
import { type ByteSource, writeAll } from "./byte-source.ts";
import { openSshOrigin, type SshOrigin } from "./ssh-origin.ts";
import type { MirrorUses } from "./uses.ts";

export interface ServeSshOptions {
  readonly origin: Origin;
  /** An ssh with the job's key. */
  readonly words: readonly string[];
  readonly createUpload: () => Upload;
  readonly uses: Pick<MirrorUses, "passed">;
  readonly signal: AbortSignal;
}

/**
 * Serves one ssh of git: the origin tells it the references, under the job's own key, and the mirror gives the objects.
 * The client becomes a plain ssh when the first line is not `serve`.
 */
export async function serveSsh(
  socket: Socket,
  source: ByteSource,
  words: readonly string[],
  options: ServeSshOptions,
): Promise<void> {
  const { origin, createUpload, uses, signal } = options;
  // Another repository, such as a submodule: its own ssh, without a word.
  if (!isFor(origin, words)) return writeAll(socket, "other\n");
  const over = new AbortController();
  const opening = openSshOrigin(options.words, origin, AbortSignal.any([signal, over.signal]));
  let connection: SshOrigin;
  try {
    connection = await withDeadline(
      opening,
      connectMs,
      () => new Error("the origin does not answer within 30 s"),
    );
  } catch (error) {
    over.abort();
    uses.passed(toMessage(error));
    return writeAll(socket, `${toMessage(error).replaceAll(/[^\x20-\x7e]+/g, " ")}\n`);
  }
  using connections = new DisposableStack();
  connections.use(connection);
  await writeAll(
    socket,
    Buffer.concat([Buffer.from("serve\n"), ...connection.announced.map(({ raw }) => raw)]),
  );
  const client = createPacketReader(source, stallMs);
  const upload = createUpload();
  for (;;) {
    const request = await readRequest(client);
    if (request === undefined) return;
    const answer = await upload.answer(request);
    if (answer === undefined || !("file" in answer)) {
      await using first = answer;
      await connection.send(request.raw);
      if (first !== undefined) {
        const packets = createResumingReader(connection.packets, async () => {
          connection = connections.use(await openSshOrigin(options.words, origin, signal));
          await connection.send(request.raw);
          return connection.packets;
        });
        for await (const piece of first.take(packets)) await writeAll(socket, piece);
        continue;
      }
      const isKept = upload.isListing(request);
      const isListing = request.command === "ls-refs";
      const packets = await relay(connection.packets, socket, { isListing, isKept });
      if (isKept && packets !== undefined) upload.listed(request, packets);
      continue;
    }
    await using file = answer.file;
    for await (const piece of readPieces(file)) await writeAll(socket, Buffer.from(piece));
    answer.sent();
  }
}

/** Whether git asks for the mirror's repository; further options of ssh are none of ours. */
function isFor({ host, port, path }: Origin, words: readonly string[]): boolean {
  const wanted = [
    "-o SendEnv=GIT_PROTOCOL",
    ...(port === "" ? [] : [`-p ${port}`]),
    host,
    `git-upload-pack '${path}'`,
  ];
  return words.join(" ") === wanted.join(" ");
}

async function readRequest(client: PacketReader): Promise<Request | undefined> {
  const packets: Packet[] = [];
  let bytes = 0;
  for (;;) {
    const arriving = client.next();
    const packet = await (packets.length === 0 ? arriving : withDeadline(arriving, stallMs, toStall));
    if (packet === undefined) return undefined;
    if (packet.kind === "flush" && packets.length === 0) return undefined;
    packets.push(packet);
    bytes += packet.raw.length;
    if (bytes > mostRequestBytes) throw new Error("the request is too long");
    if (packet.kind === "flush") return parseRequest(packets);
  }
}

/**
 * Passes the origin's answer on, up to its flush. A listing is many small packets, which are sent together. Resolves to
 * the packets when they are `kept`; to `undefined` when there are too many.
 */
async function relay(
  from: PacketReader,
  socket: Socket,
  { isListing, isKept }: { readonly isListing: boolean; readonly isKept: boolean },
): Promise<readonly Packet[] | undefined> {
  const kept: Packet[] = [];
  let batch: Uint8Array[] = [];
  let [batched, bytes] = [0, 0];
  for (;;) {
    const packet = await from.next();
    if (packet === undefined) throw new Error("the origin has closed the connection");
    bytes += packet.raw.length;
    if (isKept && bytes <= mostListingBytes) kept.push(packet);
    batch.push(packet.raw);
    batched += packet.raw.length;
    if (!isListing || batched > batchBytes || packet.kind === "flush") {
      await writeAll(socket, Buffer.concat(batch));
      [batch, batched] = [[], 0];
    }
    if (packet.kind === "flush") return bytes <= mostListingBytes ? kept : undefined;
  }
}

const toStall = (): Error => new Error("the client stops within a request");
const stallMs = 30_000;
const connectMs = 30_000;
const mostRequestBytes = 64 * 1024 * 1024;
const mostListingBytes = 64 * 1024 * 1024;
const batchBytes = 64 * 1024;
