import { seconds } from "signalman";
import * as v from "valibot";
import { toAddressFault } from "./address.ts";

export const config = v.strictObject({
  listen: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => text === "" || toAddressFault(text) === undefined,
        ({ input }) => toAddressFault(input) ?? "",
      ),
      v.description(
        "Address that serves health, status and metrics over HTTP, without authentication: 127.0.0.1:9600, [::1]:9600, :9600 (all addresses) or unix:/path; none when empty",
      ),
      v.examples(["127.0.0.1:9600"]),
      v.metadata({ hint: "address" }),
    ),
    "",
  ),
  hosts: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.nonEmpty("expected a host name"))),
      v.description(
        "Further host names that a request to a loopback address may have in its Host header, besides localhost and the address; every other name is refused (403), since a web page could have it resolve to this host",
      ),
      v.examples([["metrics.example.com"]]),
      v.metadata({ hint: "name" }),
    ),
    [],
  ),
  "sync-age": v.optional(
    seconds("Maximum seconds since a slot's last answered sync for /readyz to answer 200 (at least 1)", 1),
    60,
  ),
});
