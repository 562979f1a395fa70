import * as v from "valibot";

const whens = ["never", "always", "when-trimmed"] as const;

export const config = v.strictObject({
  "upload-job-logs": v.optional(
    v.pipe(
      v.picklist(
        whens,
        ({ input }) =>
          `Unsupported value '${String(input)}' for 'upload-job-logs'. Allowed values are: [${whens.join(" ")}]. Exiting...`,
      ),
      v.description("When to upload a job's whole log as an artifact of the job"),
    ),
    "never",
  ),
  "logs-compression-size": v.optional(
    v.pipe(
      v.number("expected a number of bytes"),
      v.description(
        "From how many bytes on an uploaded log is compressed: 1 MiB to 1 GiB, or else the default",
      ),
      v.metadata({ hint: "bytes" }),
    ),
    100 * 1024 * 1024,
  ),
  "artifact-upload-timeout": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(0.1, "expected at least 0.1 seconds"),
      v.maxValue(86_400, "expected at most 86400 seconds"),
      v.description("How long an upload may delay the job's result, in seconds"),
      v.metadata({ hint: "seconds" }),
    ),
    300,
  ),
});

/** As in the reference, a size out of range is no reason to stay away. */
export function toCompressionSize(bytes: number, onFault: (fault: string) => void): number {
  if (bytes >= smallest && bytes <= largest) return bytes;
  onFault(
    `logs-compression-size is ${bytes}, not in the range ${smallest}-${largest}: using the default of ${usual}`,
  );
  return usual;
}

const smallest = 1024 * 1024;
const usual = 100 * smallest;
const largest = 1024 * smallest;
