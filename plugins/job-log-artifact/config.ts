import * as v from "valibot";

export type UploadCondition = (typeof whens)[number];

const whens = ["never", "always", "when-trimmed"] as const;

export const config = v.strictObject({
  "upload-job-logs": v.optional(
    v.pipe(
      v.picklist(
        whens,
        ({ input }) =>
          `Unsupported value '${String(input)}' for 'upload-job-logs'. Allowed values are: [${whens.join(" ")}]. Exiting...`,
      ),
      v.description("When to upload the complete log of a job as an artifact"),
    ),
    "never",
  ),
  "from-job": v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Take `upload-job-logs` from each job's variable SEMAPHORE_AGENT_UPLOAD_JOB_LOGS. Set by `signalman serve`",
      ),
    ),
    false,
  ),
  "logs-compression-size": v.optional(
    v.pipe(
      v.number("expected a number of bytes"),
      v.description("Size in bytes from which an uploaded log is compressed: 1 MiB to 1 GiB"),
      v.metadata({ hint: "bytes" }),
    ),
    100 * 1024 * 1024,
  ),
  "artifact-upload-timeout": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(0.1, "expected at least 0.1 seconds"),
      v.maxValue(86_400, "expected at most 86400 seconds"),
      v.description("Maximum seconds by which an upload may delay the job's result (0.1 to 86400)"),
      v.metadata({ hint: "seconds", delaysShutdown: true }),
    ),
    300,
  ),
});

/**
 * Converts the variable of a job; another text means `never`, as in the reference agent (protocol section
 * 6.6).
 */
export function toUploadCondition(text: string | undefined): UploadCondition {
  return whens.find((when) => when === text) ?? "never";
}

/** Returns the default for a size out of range, as the reference agent does. */
export function toCompressionSize(bytes: number, onFault: (fault: string) => void): number {
  if (bytes >= smallest && bytes <= largest) return bytes;
  onFault(
    `logs-compression-size ${bytes} is out of range (${smallest} to ${largest}): using the default ${defaultSize}`,
  );
  return defaultSize;
}

const smallest = 1024 * 1024;
const defaultSize = 100 * smallest;
const largest = 1024 * smallest;
