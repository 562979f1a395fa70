// Sends one signed request with the variables of a job: `bun s3-call.ts METHOD KEY [BODY]`. Prints the status, and the
// beginning of the answer. `KEY` is below the project; with `/` in front it is the whole path below the bucket.
import { AwsClient } from "aws4fetch";

const [method = "GET", key = "", body] = process.argv.slice(2);
const { env } = process;
const client = new AwsClient({
  accessKeyId: env["SEMAPHORE_CACHE_S3_KEY"] ?? "",
  secretAccessKey: env["SEMAPHORE_CACHE_S3_SECRET"] ?? "",
  service: "s3",
  region: "auto",
  retries: 0,
});
const path = key.startsWith("/") ? key : `/${env["SEMAPHORE_PROJECT_ID"]}/${key}`;
const url = `${env["SEMAPHORE_CACHE_S3_URL"]}/${env["SEMAPHORE_CACHE_S3_BUCKET"]}${path}`;
const answer = await client.fetch(url, { method, ...(body !== undefined && { body }) });
process.stdout.write(`${method} ${key}: ${answer.status} ${(await answer.text()).slice(0, 2000)}\n`);
