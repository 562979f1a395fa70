import { AgentError } from "signalman";

/** A refusal that clients see, under the code that S3 has for it. */
export type FaultCode = keyof typeof statuses;

export interface Fault {
  readonly code: FaultCode;
  /** Of HTTP. */
  readonly status: number;
}

/** Creates an error whose code follows from that of S3: `NoSuchKey` becomes `CACHE_NO_SUCH_KEY`. */
export function createFault(code: FaultCode, message: string, cause?: unknown): AgentError {
  return new AgentError(toErrorCode(code), message, { cause });
}

/** Returns the fault of an error; `undefined` when {@link createFault} has not created the error. */
export function toFault(error: unknown): Fault | undefined {
  if (!(error instanceof AgentError)) return undefined;
  const code = (Object.keys(statuses) as FaultCode[]).find((each) => toErrorCode(each) === error.code);
  return code && { code, status: statuses[code] };
}

function toErrorCode(code: FaultCode): `CACHE_${Uppercase<string>}` {
  const words = code.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
  return `CACHE_${words as Uppercase<string>}`;
}

const statuses = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InsufficientStorage: 507,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
} as const;
