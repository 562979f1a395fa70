/**
 * Returns the code of an answer that a repetition does not change; `undefined` for other errors. A wrong key, bucket or
 * clock is not among them: an operator corrects it.
 */
export function findRefusal(error: unknown): string | undefined {
  const { code } = Object(error) as { readonly code?: unknown };
  return typeof code === "string" && refusals.has(code) ? code : undefined;
}

/** Returns code and message of an error of an S3 service. */
export function describeAnswer(error: unknown): string {
  const { name, code, message } = Object(error) as Readonly<Record<string, unknown>>;
  if (name !== "S3Error") return String(message ?? error);
  // The client's own message for answers without one says nothing.
  return message === "an unexpected error has occurred"
    ? String(code)
    : `${String(code)}: ${String(message)}`;
}

const refusals: ReadonlySet<string> = new Set([
  "AccessDenied",
  "EntityTooLarge",
  "InvalidArgument",
  "InvalidRequest",
  "InvalidURI",
  "KeyTooLongError",
  "MethodNotAllowed",
  "NotImplemented",
  "XMinioInvalidObjectName",
]);
