import { decodeBase64, type JobRequest } from "signalman";

/**
 * Reads a variable of the job's request. Of several with one name the first one counts, other than in the job: later
 * ones are those of the pipeline's author, who could name another repository.
 */
export function readFirst({ env }: Pick<JobRequest, "env">, wanted: string): string | undefined {
  const value = env.find(({ name }) => name === wanted)?.value;
  const bytes = value === undefined ? undefined : decodeBase64(value);
  return bytes && new TextDecoder().decode(bytes);
}
