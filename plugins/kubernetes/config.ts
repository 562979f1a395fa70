import * as v from "valibot";

export type KubernetesConfig = v.InferOutput<typeof config>;

const seconds = { hint: "seconds" } as const;

export const config = v.strictObject({
  executor: v.optional(
    v.pipe(v.boolean(), v.description("Run each job of this agent in a Kubernetes pod of its own")),
    false,
  ),
  "pod-spec": v.optional(
    v.pipe(
      v.string(),
      v.description("Name of a ConfigMap with parts of the pod's specification"),
      v.examples(["signalman-pod"]),
      v.metadata({ hint: "name" }),
    ),
  ),
  "allowed-images": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Regular expressions; jobs may use only images that match one of them. Default: all images",
      ),
      v.examples([["^registry\\.example\\.com/"]]),
    ),
    [],
  ),
  "pod-start-timeout": v.optional(
    v.pipe(
      v.pipe(
        v.number(),
        v.integer("expected whole seconds"),
        v.maxValue(1_000_000, "expected at most 1000000 seconds"),
      ),
      v.description("Seconds that a pod may take to become ready; 0 stands for 60"),
      v.metadata(seconds),
    ),
    300,
  ),
  labels: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description("Labels for pods and secrets: name=value"),
      v.examples([["team=ci"]]),
      v.metadata({ hint: "name=value" }),
    ),
    [],
  ),
  "default-image": v.optional(
    v.pipe(
      v.string(),
      v.description("Image for jobs without a container"),
      v.examples(["registry.example.com/ci:1"]),
      v.metadata({ hint: "image" }),
    ),
  ),
  owner: v.optional(
    v.pipe(
      v.string(),
      v.description(
        "Name of a ConfigMap that owns the pods and secrets of jobs, which the cluster deletes with it; the agent's own pod when empty",
      ),
      v.examples(["signalman-agent"]),
      v.metadata({ hint: "name" }),
    ),
  ),
  "hand-over": v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "At SIGTERM, leave running jobs to the next agent of the StatefulSet, which continues them; needs a state directory on a volume and `kubernetes-owner`",
      ),
    ),
    false,
  ),
  "lost-timeout": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(1, "expected at least 1 second"),
      v.maxValue(1_000_000, "expected at most 1000000 seconds"),
      v.description("Seconds without a connection to a job's pod after which the job fails"),
      v.metadata(seconds),
    ),
    900,
  ),
});
