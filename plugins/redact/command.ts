import { AgentError, askJob, defineCommand, toJobSequence, trimEnd } from "signalman";
import { minSecretBytes } from "./encodings.ts";
import { redactLimits } from "./job-command.ts";

export default defineCommand({
  meta: {
    name: "redact",
    description: "in a job: mask a value (from standard input) in the job's log from now on",
  },
  group: "run",
  examples: [
    {
      line: 'printf %s "$password" | signalman redact',
      purpose: "mask a value in the job's log from now on",
    },
    { line: "signalman redact --value-env DEPLOY_KEY", purpose: "mask the value of a variable" },
  ],
  configuration: "none",
  log: "stderr",
  args: {
    "value-env": {
      type: "string",
      list: true,
      description: "mask the value of this variable instead; may be given more than once",
      valueHint: "NAME",
    },
    "print-sequence": {
      type: "boolean",
      description: "print a terminal sequence that masks the value, for a job without a socket",
    },
    lines: { type: "boolean", description: "each line of standard input is a value of its own" },
    // Declared only so that errors do not show the value.
    value: { type: "positional", required: false, description: "never: other users can see a command line" },
  },
  async run({ args }) {
    if (args.value !== undefined) {
      throw new AgentError(
        "USAGE_INVALID",
        "a value on the command line can be seen by every user of the host; give it on standard input, or name its variable with --value-env",
      );
    }
    const values =
      args["value-env"].length > 0
        ? args["value-env"].map(readVariable)
        : await readValues(args.lines === true);
    for (const { name, bytes } of values) assertFit(name, bytes);
    const message = {
      do: "redact",
      values: values.map(({ bytes }) => Buffer.from(bytes).toString("base64")),
    };
    if (args["print-sequence"] === true) process.stdout.write(toJobSequence(message));
    else await askJob(message, process.env);
  },
});

interface Value {
  /** Describes the value in errors, which never show it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

function readVariable(name: string): Value {
  const value = process.env[name];
  if (value === undefined) {
    throw new AgentError(
      "USAGE_INVALID",
      `"--value-env" names "${name}", which is not in the environment (is it exported?)`,
    );
  }
  return { name: `the value of "${name}"`, bytes: Buffer.from(value) };
}

async function readValues(isLines: boolean): Promise<Value[]> {
  if (process.stdin.isTTY) {
    throw new AgentError(
      "USAGE_INVALID",
      'expected a value on standard input, which is a terminal (as in: printf %s "$value" | signalman redact)',
    );
  }
  const bytes = await readAll();
  if (!isLines) return [{ name: "the value", bytes: dropLineEnds(bytes) }];
  return bytes
    .toString("latin1")
    .split(/\r?\n/)
    .flatMap((line, index) =>
      line === "" ? [] : [{ name: `the value in line ${index + 1}`, bytes: Buffer.from(line, "latin1") }],
    );
}

/** Reads standard input up to a limit, since it may never end. */
async function readAll(): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxInputBytes)
      throw new AgentError("USAGE_INVALID", `standard input is longer than ${maxInputBytes} bytes`);
  }
  return Buffer.concat(chunks);
}

const maxInputBytes = 2 * redactLimits.valueBytes;

function dropLineEnds(bytes: Buffer): Buffer {
  return Buffer.from(trimEnd(bytes.toString("latin1"), "\r\n"), "latin1");
}

function assertFit(name: string, { length }: Uint8Array): void {
  if (length < minSecretBytes) {
    throw new AgentError(
      "USAGE_INVALID",
      `${name} is of ${length} bytes: what is shorter than ${minSecretBytes} is not masked, for too much would look like it`,
    );
  }
  if (length > redactLimits.valueBytes) {
    throw new AgentError(
      "USAGE_INVALID",
      `${name} is of ${length} bytes, and no more than ${redactLimits.valueBytes} can be masked`,
    );
  }
}
