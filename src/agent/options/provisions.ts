import * as v from "valibot";

/** Options of what jobs in containers and pods get, which have nothing of this host's settings. */
export const provisionEntries = {
  "job-ca-file": v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\//, "expected an absolute path"),
      v.description(
        "File with certificate authorities (PEM) for jobs in containers and pods, read for each job. Variables such as SSL_CERT_FILE name it there, and for most programs it replaces the image's authorities",
      ),
      v.examples(["/etc/ssl/certs/ca-certificates.crt"]),
      v.metadata({ hint: "path" }),
    ),
  ),
  "job-proxy": v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(https?|socks5h?):\/\/[^\s]+$/, "expected the URL of a proxy, such as http://proxy:3128"),
      v.description(
        "URL of the proxy for jobs in containers and pods: HTTP_PROXY, HTTPS_PROXY, and both in lower case. Jobs can read a password in it",
      ),
      v.examples(["http://proxy.example.com:3128"]),
      v.metadata({ hint: "URL" }),
    ),
  ),
  "job-no-proxy": v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[^\s,]+$/, "expected one host or suffix for each entry"))),
      v.description(
        "Hosts and suffixes that jobs in containers and pods reach without `job-proxy`: NO_PROXY, no_proxy",
      ),
      v.examples([[".example.com", "10.0.0.0/8"]]),
      v.metadata({ hint: "host" }),
    ),
    [],
  ),
  "toolbox-path": v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\/.*[^/]$/, "expected an absolute path without a slash at its end"),
      v.description(
        "Directory with Semaphore's toolbox for jobs in containers and pods, whose shell sources `toolbox` in it and finds it as ~/.toolbox. Containers: a directory of this host, mounted read-only; pods: a directory of the image, or of a volume of kubernetes-pod-spec",
      ),
      v.examples(["/opt/toolbox"]),
      v.metadata({ hint: "path" }),
    ),
  ),
} satisfies v.ObjectEntries;
