import * as v from "valibot";

export type KubernetesConfig = v.InferOutput<typeof config>;

/** There is no executor that would keep to them. */
const unsupported = { status: "unsupported" } as const;

/** The reference's options for pods, so that a configuration with them is understood, and refused with a reason. */
export const config = v.strictObject({
  executor: v.optional(
    v.pipe(v.boolean(), v.description("Run every job in a pod"), v.metadata(unsupported)),
    false,
  ),
  "pod-spec": v.optional(
    v.pipe(
      v.string(),
      v.description("A ConfigMap with parts of the pod's specification"),
      v.metadata(unsupported),
      v.metadata({ hint: "name" }),
    ),
  ),
  "allowed-images": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description("Regular expressions; a job may use images that match one of them"),
      v.metadata(unsupported),
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
      v.description("How long a pod may take to start"),
      v.metadata(unsupported),
      v.metadata({ hint: "seconds" }),
    ),
    300,
  ),
  labels: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description("Labels for the pods: name=value"),
      v.metadata(unsupported),
      v.metadata({ hint: "name=value" }),
    ),
    [],
  ),
  "default-image": v.optional(
    v.pipe(
      v.string(),
      v.description("The image of a job that names none"),
      v.metadata(unsupported),
      v.metadata({ hint: "image" }),
    ),
  ),
});
