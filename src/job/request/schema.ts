import * as v from "valibot";

/** A number or boolean of a job file, with its source text: `0600` must not become `600`. */
export class Literal {
  readonly source: string;
  readonly kind: "number" | "boolean";

  constructor(source: string, kind: "number" | "boolean") {
    this.source = source;
    this.kind = kind;
  }

  toString(): string {
    return this.source;
  }
}

/** The values that are accepted as text: `PORT: 8080` means the text `8080`. */
export type Textual = string | number | boolean | Literal;

/** Replaces the value of every key that is not part of a job request. */
export const unknownKey = Symbol("unknown key");

const idMessage = 'expected letters, digits, ".", "_" and "-", at most 100 of them, a letter or digit first';
const octalMessage = "expected octal digits, such as 0644";

const anything = v.pipe(
  v.unknown(),
  v.transform(() => unknownKey),
);
const mapping = <const T extends v.ObjectEntries>(entries: T, missing = "missing") =>
  v.pipe(
    v.custom<Record<string, unknown>>(isMapping, expected("a mapping")),
    v.objectWithRest(entries, anything, missing),
  );
const list = <const T extends v.GenericSchema>(item: T) => v.nullish(v.array(item, expected("a list")));

function createParts() {
  const text = v.string(expected("text"));
  const textual = v.custom<Textual>(isTextual, expected("text"));
  const octal = v.pipe(
    textual,
    v.check((mode) => typeof mode === "string" || isOctal(mode), octalMessage),
  );
  const size = v.pipe(
    textual,
    v.check((size) => /^\d{1,15}$/.test(String(size)), "expected a whole number of bytes"),
  );
  const identifier = v.pipe(
    textual,
    v.check((id) => /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/.test(String(id)), idMessage),
  );
  /** Keys for environment variables. */
  const environment = {
    env_vars: list(mapping({ name: text, value: v.nullish(text) })),
    env: v.nullish(
      v.pipe(
        v.custom<Record<string, unknown>>(isMapping, expected("a mapping of names to texts")),
        v.rawTransform(toPairs),
      ),
    ),
  };
  const file = v.pipe(
    mapping({ path: text, content: v.nullish(text), text: v.nullish(textual), mode: v.nullish(octal) }),
    v.check((file) => "content" in file || "text" in file, 'expected "text", or "content" in base64'),
    v.check(
      (file) => file.content == null || file.text == null,
      '"text" and "content" exclude each other: give one of them',
    ),
    v.forward(
      v.check(
        (file) => file.text == null || typeof file.mode !== "string" || isOctal(file.mode),
        octalMessage,
      ),
      ["mode"],
    ),
  );
  const wireCommand = mapping(
    { directive: text, alias: v.nullish(text) },
    'missing (a command that has ": " in it needs quotes, or to stand below "|")',
  );
  const command = v.lazy((input): typeof wireCommand | typeof textual =>
    isMapping(input) ? wireCommand : textual,
  );
  const container = mapping({
    name: text,
    image: text,
    command: v.nullish(text),
    entrypoint: v.nullish(text),
    user: v.nullish(textual),
    ...environment,
    files: list(file),
  });
  return { text, textual, size, identifier, environment, file, command, container };
}

function createJobRequestSchema() {
  const { text, textual, size, identifier, environment, file, command, container } = createParts();
  return mapping({
    job_id: v.nullish(identifier),
    id: v.nullish(identifier),
    job_name: v.nullish(textual),
    name: v.nullish(textual),
    executor: v.nullish(text),
    ...environment,
    files: list(file),
    file: list(file),
    commands: v.pipe(v.unknown(), list(command)),
    epilogue_always_commands: list(command),
    epilogue_on_pass_commands: list(command),
    epilogue_on_fail_commands: list(command),
    compose: v.nullish(
      mapping({
        containers: list(container),
        image_pull_credentials: list(mapping({ ...environment, files: list(file) })),
        host_setup_commands: list(command),
      }),
    ),
    callbacks: v.nullish(
      mapping({ finished: v.nullish(text), teardown_finished: v.nullish(text), token: v.nullish(text) }),
    ),
    logger: v.nullish(
      mapping({
        method: v.nullish(text),
        url: v.nullish(text),
        token: v.nullish(text),
        max_size_in_bytes: v.nullish(size),
      }),
    ),
    ssh_public_keys: list(text),
  });
}

let created: ReturnType<typeof createJobRequestSchema> | undefined;

/**
 * Returns the schema of a job request as it is written, on the wire or by hand. `null` means absent, and
 * unknown keys are marked. Created when it is needed: every start of the program loads this module.
 */
export function jobRequestSchema() {
  return (created ??= createJobRequestSchema());
}

export type WrittenJob = v.InferOutput<ReturnType<typeof jobRequestSchema>>;
type RawContext = v.RawTransformContext<Record<string, unknown>>;
export type WrittenCommand = NonNullable<WrittenJob["commands"]>[number];
export type WrittenFile = NonNullable<WrittenJob["files"]>[number];
export type WrittenEnvironment = Pick<WrittenJob, "env" | "env_vars">;

/** Describes the kind of a value (`a number`, `a list`), never the value itself. */
export function describeKind(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (value instanceof Literal) return `a ${value.kind}`;
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "binary data";
  if (typeof value === "string") return "text";
  return typeof value === "object" ? "a mapping" : `a ${typeof value}`;
}

/** Returns `true` for a mapping of a job file. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return describeKind(value) === "a mapping";
}

function isTextual(value: unknown): value is Textual {
  return value instanceof Literal || ["string", "number", "boolean"].includes(typeof value);
}

function isOctal(mode: Textual): boolean {
  return /^(0o)?[0-7]{1,4}$|^0[0-7]{4}$/.test(String(mode));
}

function expected(what: string): (issue: { readonly input: unknown }) => string {
  return ({ input }) => `expected ${what}, got ${describeKind(input)}`;
}

/** Converts a mapping to pairs. Written by hand, since valibot's record leaves out names such as `constructor`. */
function toPairs({ dataset, addIssue }: RawContext): [name: string, text: string][] {
  return Object.entries(dataset.value).map(([key, value]) => {
    if (value !== null && !isTextual(value)) {
      const place = { type: "object", origin: "value", input: dataset.value, key, value } as const;
      addIssue({ input: value, message: expected("text")({ input: value }), path: [place] });
    }
    return [key, String(value ?? "")];
  });
}
