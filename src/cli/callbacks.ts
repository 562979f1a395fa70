import { toMessage } from "../errors.ts";
import type { JobRequest } from "../job/request.ts";
import type { JobResult } from "../log/events.ts";
import type { Logger } from "../logger/logger.ts";

/** As the reference does it: this often, this long apart (protocol section 8.4). */
const attempts = 60;
const delayMs = 1000;

/** Sends the callbacks of a job: `finished`, then, when that arrived, `teardown_finished` (protocol section 8.3). */
export async function sendCallbacks(
  callbacks: JobRequest["callbacks"],
  result: JobResult,
  logger: Logger,
): Promise<void> {
  const { finished, teardownFinished, token } = callbacks;
  if (finished === "" || !(await send(finished, { result }, token, logger))) return;
  if (teardownFinished !== "") await send(teardownFinished, {}, token, logger);
}

async function send(url: string, body: object, token: string, logger: Logger): Promise<boolean> {
  const { ofetch } = await import("ofetch");
  try {
    await ofetch(url, {
      method: "POST",
      body,
      headers: token === "" ? {} : { Authorization: `Bearer ${token}` },
      redirect: "manual",
      retry: attempts - 1,
      retryDelay: delayMs,
      retryStatusCodes: [404, 408, 409, 425, 429, 500, 502, 503, 504],
      timeout: 30_000,
    });
    return true;
  } catch (error) {
    logger.error(`the callback could not be sent: ${toMessage(error)}`);
    return false;
  }
}
