import * as v from "valibot";
import { parsePageAddress, pageForms } from "./address.ts";

export type PageConfig = v.InferOutput<typeof config>;

const token = (description: string) =>
  v.optional(v.pipe(v.string(), v.description(description), v.metadata({ secret: true, hint: "token" })), "");

const file = (description: string) =>
  v.optional(
    v.pipe(
      v.string(),
      v.description(description),
      v.examples(["/etc/signalman/page-token"]),
      v.metadata({ hint: "file" }),
    ),
    "",
  );

export const config = v.pipe(
  v.strictObject({
    listen: v.optional(
      v.pipe(
        v.string(),
        v.check((text) => text === "" || parsePageAddress(text) !== undefined, pageForms),
        v.description(
          "Address of a page with the agents, jobs and logs: 127.0.0.1:9610, [::1]:9610, :9610 (all addresses, which needs a token) or unix:/path; none when empty",
        ),
        v.examples(["127.0.0.1:9610"]),
        v.metadata({ hint: "address" }),
      ),
      "",
    ),
    hosts: v.optional(
      v.pipe(
        v.array(v.pipe(v.string(), v.nonEmpty("expected a host name"))),
        v.description(
          "Further host names by which browsers may call the page at a loopback address, as behind a proxy",
        ),
        v.examples([["ci.example.com"]]),
        v.metadata({ hint: "name" }),
      ),
      [],
    ),
    token: token(
      "Token for the page: clients that have it may read and, in a hub, submit, stop and retry jobs and shut agents down",
    ),
    "token-file": file("File that contains the token, instead of `page-token`"),
    "read-token": token("Token for the page: clients that have it may only read"),
    "read-token-file": file("File that contains the read token, instead of `page-read-token`"),
  }),
  v.check((options) => {
    const address = parsePageAddress(options.listen);
    return address === undefined || address.isLocal || hasToken(options);
  }, "other hosts can reach the address of `page-listen`: set page-token, page-read-token or one of their files, or listen on 127.0.0.1"),
);

function hasToken(options: Readonly<Record<string, unknown>>): boolean {
  return ["token", "token-file", "read-token", "read-token-file"].some((name) => options[name] !== "");
}
