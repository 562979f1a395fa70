import { connect } from "node:tls";
import fc from "fast-check";
import { sign } from "./hosted-client.ts";

/** A request that is malformed in one place or in several. */
export const malformedRequest: fc.Arbitrary<string> = fc
  .record({
    method: fc.oneof(
      fc.constantFrom("GET", "POST", "PUT", "HEAD", "OPTIONS", "get", ""),
      fc.string({ maxLength: 20 }),
    ),
    target: fc.oneof(
      fc.constantFrom(
        "/jobs",
        "/jobs/a/log",
        "/status",
        // "/stop" itself would be a valid request, which stops the job.
        "/stop/x",
        "/agent_logs",
        "/is_alive",
        "*",
        "http://x/jobs",
      ),
      fc.string({ maxLength: 60 }).map((text) => `/jobs/${text}/log?start_from=${text}`),
      fc.string({ maxLength: 2000 }),
    ),
    version: fc.constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/9.9", ""),
    authorization: fc.oneof(
      fc.constant(`Bearer ${sign()}`),
      fc.constant(""),
      fc.string({ maxLength: 100 }).map((text) => `Bearer ${text}`),
      fc.string({ maxLength: 40 }).map((text) => `x ${text}.${text}.${text}`),
    ),
    headers: fc.array(
      fc.oneof(
        fc.constantFrom(
          "Content-Length: 5",
          "Content-Length: -1",
          "Content-Length: 99999999999999",
          "Transfer-Encoding: chunked",
          "Transfer-Encoding: gzip, chunked",
          "Expect: 100-continue",
          "Connection: Upgrade",
          "Upgrade: websocket",
        ),
        fc.string({ maxLength: 200 }),
        fc.string({ minLength: 17_000, maxLength: 18_000 }),
      ),
      { maxLength: 6 },
    ),
    body: fc.oneof(
      fc.constantFrom(
        "",
        "{",
        "null",
        "[]",
        '{"job_id": 1}',
        '{"job_id": "../x", "commands": []}',
        "5\r\nhello\r\n0\r\n\r\n",
      ),
      fc.json(),
      fc.string({ maxLength: 500 }),
    ),
    isCut: fc.boolean(),
  })
  .map(({ method, target, version, authorization, headers, body, isCut }) => {
    const lines = [
      `${method} ${target} ${version}`,
      "Host: x",
      `Authorization: ${authorization}`,
      ...headers,
    ];
    const text = `${lines.join("\r\n")}\r\n\r\n${body}`;
    return isCut ? text.slice(0, Math.floor(text.length / 2)) : text;
  });

/**
 * Sends malformed requests, several at a time, and closes each connection soon after. Resolves when the
 * server has had all of them.
 */
export async function sendMalformed(
  { url, ca }: { url: string; ca: string },
  count: number,
  seed = Math.floor(Math.random() * 2 ** 31),
): Promise<void> {
  const requests = fc.sample(malformedRequest, { numRuns: count, seed });
  const { hostname, port } = new URL(url);
  const send = (text: string) =>
    new Promise<void>((resolve) => {
      const socket = connect({ host: hostname, port: Number(port), ca }, () => socket.write(text));
      const timer = setTimeout(() => socket.destroy(), 100);
      socket.on("data", () => socket.destroy());
      socket.on("error", () => {});
      socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  const work = async (): Promise<void> => {
    for (let text = requests.pop(); text !== undefined; text = requests.pop()) await send(text);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}
