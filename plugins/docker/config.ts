import { bytes } from "signalman";
import * as v from "valibot";

export type DockerConfig = v.InferOutput<typeof config>;

/** Options of Docker jobs. */
export const config = v.strictObject({
  files: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (text) => /^[^:]+:[^:]+$/.test(text),
            ({ input }) =>
              `Error parsing --files: ${input} is not a valid file injection (expected host-path:job-path)`,
          ),
        ),
      ),
      v.description(
        "Files of this host that are mounted into the first container of a job: host-path:job-path",
      ),
      v.examples([["/etc/ssl/acme.pem:/etc/ssl/acme.pem"]]),
    ),
    [],
  ),
  "fail-on-missing-files": v.optional(
    v.pipe(v.boolean(), v.description("Fail a job when a file of `files` is missing on this host")),
    false,
  ),
  "pull-policy": v.optional(
    v.pipe(
      v.picklist(["if-not-present", "always", "never"]),
      v.description("When to pull images: if the engine does not have them, before each job, or never"),
    ),
    "if-not-present",
  ),
  "pull-attempts": v.optional(
    v.pipe(
      v.number(),
      v.integer("expected a whole number"),
      v.minValue(1, "expected at least 1"),
      v.maxValue(1000, "expected at most 1000"),
      v.description("Number of attempts to pull an image whose registry does not answer"),
      v.metadata({ hint: "number" }),
    ),
    3,
  ),
  "pull-timeout": v.optional(seconds("Seconds that the pull of an image may take"), 1800),
  platform: v.optional(
    v.pipe(
      v.string(),
      v.description("Platform of images to pull, such as `linux/arm64`; default: the engine's"),
      v.examples(["linux/arm64"]),
      v.metadata({ hint: "platform" }),
    ),
  ),
  "start-timeout": v.optional(seconds("Seconds that the start-up files of a container's bash may take"), 300),
  "service-timeout": v.optional(
    v.pipe(
      v.number(),
      v.minValue(0, "expected 0 or more seconds"),
      v.maxValue(1_000_000, "expected at most 1000000 seconds"),
      v.description("Seconds to wait until containers with a health check are healthy; 0: do not wait"),
      v.metadata({ hint: "seconds" }),
    ),
    60,
  ),
  "engine-timeout": v.optional(seconds("Seconds to wait for an answer of the Docker engine"), 60),
  "mount-socket": v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Mount the engine's socket into the first container of a job, as Semaphore's agent does. A job that uses the socket has root's rights on this host",
      ),
      v.metadata({ defaultText: "true, or false when shell-user is set" }),
    ),
  ),
  "expose-kvm": v.optional(
    v.pipe(v.boolean(), v.description("Give every container of a job the device /dev/kvm")),
    false,
  ),
  "proxy-variables": v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Give containers the proxy variables of the agent: HTTP_PROXY, HTTPS_PROXY, FTP_PROXY, NO_PROXY",
      ),
    ),
    false,
  ),
  "read-only": v.optional(
    v.pipe(
      v.boolean(),
      v.description("Mount the root file system of containers read-only; /tmp stays writable"),
    ),
    false,
  ),
  "shm-size": v.optional(bytes("Size of /dev/shm in containers; default: the engine's, 64MiB")),
  ulimits: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[a-z]+=-?\d+(:-?\d+)?$/, "expected name=soft or name=soft:hard"))),
      v.description("Limits of the processes in containers: name=soft:hard, such as nofile=1024:4096"),
      v.examples([["nofile=1024:4096"]]),
    ),
    [],
  ),
  "cap-add": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Capabilities to add to containers. SYS_ADMIN, SYS_PTRACE and SYS_MODULE let a job escape from its container",
      ),
      v.examples([["NET_ADMIN"]]),
    ),
    [],
  ),
  "cap-drop": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Capabilities to drop from containers, such as NET_RAW; safe, though some images need them",
      ),
      v.examples([["NET_RAW"]]),
    ),
    [],
  ),
  "security-options": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Security options of containers, such as no-new-privileges (safe, breaks sudo) or seccomp=unconfined (unsafe)",
      ),
      v.examples([["no-new-privileges"]]),
    ),
    [],
  ),
  "image-max-age": v.optional(
    v.pipe(
      v.number(),
      v.minValue(0, "expected 0 or more days"),
      v.maxValue(100_000, "expected at most 100000 days"),
      v.description("Days after their last pull at which unused images are removed; 0: never"),
      v.metadata({ hint: "days" }),
    ),
    0,
  ),
  "image-min-free-disk": v.optional(
    bytes("Free disk space below which unused images are removed, the oldest first; 0: never"),
    0,
  ),
});

function seconds(description: string) {
  return v.pipe(
    v.number("expected a number of seconds"),
    v.minValue(1, "expected at least 1 second"),
    v.maxValue(1_000_000, "expected at most 1000000 seconds"),
    v.description(description),
    v.metadata({ hint: "seconds" }),
  );
}
