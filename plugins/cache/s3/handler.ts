import { randomBytes } from "node:crypto";
import { type Logger, toMessage } from "signalman";
import type { Exchange, Handler } from "signalman/http";
import type { Credentials } from "../credentials.ts";
import { createFault, type Fault, toFault } from "../store/fault.ts";
import type { ObjectStore } from "../store/store.ts";
import type { Uploads } from "../store/uploads.ts";
import type { Sharing } from "../sharing.ts";
import type { CacheUses } from "../uses.ts";
import { readAmzHeaders } from "./amz-headers.ts";
import { authenticate, type SignedRequest } from "./authenticate.ts";
import type { Answer, Call, ObjectCall } from "./call.ts";
import { deleteObjects } from "./delete-objects.ts";
import { listObjects } from "./list-objects.ts";
import { abortUpload, completeUpload, createUpload, uploadPart } from "./multipart.ts";
import { isOwnKey, parsePath, toName } from "./object-key.ts";
import { readObject } from "./read-object.ts";
import { deleteObject, putObject } from "./write-object.ts";
import { formatXml } from "./xml.ts";

export interface S3Options {
  readonly bucket: string;
  readonly store: ObjectStore;
  readonly uploads: Uploads;
  readonly credentials: Credentials;
  readonly uses: Pick<CacheUses, "recorder">;
  readonly sharing: Pick<Sharing, "spaceOf">;
  readonly logger: Logger;
}

/** Serves one bucket in the dialect of S3. What is not implemented is refused with `NotImplemented`. */
export function createS3(options: S3Options): Handler {
  const { credentials, logger } = options;
  const requestsOf = new Map<string, number>();
  const answer = async (exchange: Exchange): Promise<unknown> => {
    const path = parsePath(exchange.path);
    const signed = authenticate(exchange, credentials);
    const { job } = signed.access;
    const running = requestsOf.get(job) ?? 0;
    if (running >= mostRequestsOfJob)
      throw createFault("SlowDown", `a job can have ${mostRequestsOfJob} requests at a time: try again`);
    requestsOf.set(job, running + 1);
    try {
      const result = await route(exchange, path, signed, options);
      return typeof result === "boolean" ? result : await send(exchange, result);
    } finally {
      const left = requestsOf.get(job)! - 1;
      if (left > 0) requestsOf.set(job, left);
      else requestsOf.delete(job);
    }
  };
  return async (exchange) => {
    try {
      await answer(exchange);
    } catch (error) {
      const fault = toFault(error) ?? toDiskFault(error);
      if (fault === undefined && !exchange.isDisconnected)
        logger.error(`request for the cache failed: ${exchange.method}: ${toMessage(error)}`);
      // In the middle of an answer the connection is closed, so that the client does not take it for whole.
      if (exchange.hasBegun) exchange.drop();
      else await sendFault(exchange, fault ?? { code: "InternalError", status: 500 }, error);
    }
  };
}

/** Keeps one job from taking all connections. */
const mostRequestsOfJob = 64;

type Operation = (call: Call) => Promise<Answer | boolean>;
type ObjectOperation = (call: ObjectCall) => Promise<Answer | boolean>;

function route(
  exchange: Exchange,
  path: ReturnType<typeof parsePath>,
  signed: SignedRequest,
  { bucket, store, uploads, uses, sharing }: S3Options,
): Promise<Answer | boolean> {
  const { project, job, canWrite } = signed.access;
  const use = uses.recorder(job);
  const amz = readAmzHeaders(exchange);
  const space = sharing.spaceOf(project);
  const call: Call = { exchange, amz, signed, project, space, store, uploads, use };
  const kind = path.key === "" ? "bucket" : "object";
  const parameters = Array.from(exchange.query.keys()).filter((name) => !/^x-(amz-|id$)/i.test(name));
  const chosen = findOperation(`${exchange.method} ${kind}`, parameters);
  if (path.bucket === "" || chosen === undefined)
    throw createFault("NotImplemented", "this operation, or a parameter of it, is not implemented here");
  if (path.bucket !== bucket) throw createFault("NoSuchBucket", "the bucket does not exist");
  if (chosen.writes && !canWrite) throw createFault("AccessDenied", "this access key can only read");
  if (kind === "bucket") return (chosen.run as Operation)(call);
  if (!isOwnKey(path.key, project)) throw createFault("AccessDenied", "the key is not of this project");
  return chosen.run({ ...call, key: path.key, name: toName(path.key, call) });
}

interface Route {
  /** Parameters that select the operation. */
  readonly required: readonly string[];
  readonly optional?: readonly string[];
  readonly writes?: boolean;
  readonly run: ObjectOperation;
}

/** Finds the operation that has these parameters, and knows all of them. */
function findOperation(target: string, parameters: readonly string[]): Route | undefined {
  return routes[target]?.find(
    ({ required, optional = [] }) =>
      required.every((name) => parameters.includes(name)) &&
      parameters.every((name) => required.includes(name) || optional.includes(name)),
  );
}

const listParameters =
  "list-type prefix marker delimiter max-keys encoding-type continuation-token start-after fetch-owner";

const routes: Readonly<Record<string, readonly Route[]>> = {
  "HEAD bucket": [
    { required: [], run: async () => ({ status: 200, headers: { "x-amz-bucket-region": "us-east-1" } }) },
  ],
  "GET bucket": [
    {
      required: ["location"],
      run: async () => ({ status: 200, text: formatXml(["LocationConstraint", ""]) }),
    },
    { required: [], optional: listParameters.split(" "), run: listObjects },
  ],
  "POST bucket": [{ required: ["delete"], writes: true, run: deleteObjects }],
  "HEAD object": [{ required: [], run: readObject }],
  "GET object": [{ required: [], run: readObject }],
  "PUT object": [
    { required: ["partNumber", "uploadId"], writes: true, run: uploadPart },
    { required: [], writes: true, run: putObject },
  ],
  "POST object": [
    { required: ["uploads"], writes: true, run: createUpload },
    { required: ["uploadId"], writes: true, run: completeUpload },
  ],
  "DELETE object": [
    { required: ["uploadId"], writes: true, run: abortUpload },
    { required: [], writes: true, run: deleteObject },
  ],
};

function send(exchange: Exchange, { status, headers, text }: Answer): Promise<boolean> {
  const common = { "x-amz-request-id": createRequestId(), ...headers };
  if (text === undefined) {
    const length: Record<string, string> = status === 204 ? {} : { "content-length": "0" };
    return exchange.stream(status, [], { ...common, ...length });
  }
  return exchange.send(status, text, { ...common, "content-type": "application/xml" });
}

/** An answer to HEAD has no body: clients take `NotFound` from the status. */
function sendFault(exchange: Exchange, { code, status }: Fault, error: unknown): Promise<boolean> {
  const message = messages[code] ?? toMessage(error);
  const id = createRequestId();
  const text = formatXml(
    [
      "Error",
      [
        ["Code", code],
        ["Message", message],
        ["Resource", exchange.path.slice(0, 2048)],
        ["RequestId", id],
      ],
    ],
    "",
  );
  return exchange.send(status, text, { "x-amz-request-id": id, "content-type": "application/xml" });
}

/** In place of errors of the system, which name paths. */
const messages: Partial<Record<Fault["code"], string>> = {
  InternalError: "internal error, see the log of the agent",
  InsufficientStorage: "the disk of the cache is full",
};

function toDiskFault(error: unknown): Fault | undefined {
  const { code = "" } = Object(error) as NodeJS.ErrnoException;
  const isFull = ["ENOSPC", "EDQUOT"].includes(code);
  return isFull ? { code: "InsufficientStorage", status: 507 } : undefined;
}

function createRequestId(): string {
  return randomBytes(8).toString("hex").toUpperCase();
}
