import { expect, test } from "bun:test";
import { createCookie, hasAnyCookie, hasCookie } from "../../src/os/processes/cookie.ts";

test("the path of a job's socket is not a cookie, for any job id", () => {
  const cookie = createCookie("SOCKET");
  const socket = "SIGNALMAN_JOB_SOCKET=/tmp/a.sock\0";
  const both = Buffer.from(`${socket}${cookie.name}=${cookie.value}\0`);
  expect(hasAnyCookie(Buffer.from(`PATH=/bin\0${socket}`))).toBe(false);
  expect(hasAnyCookie(both)).toBe(true);
  expect(hasCookie(both, cookie)).toBe(true);
});
