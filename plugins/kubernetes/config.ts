import * as v from "valibot";

export type KubernetesConfig = v.InferOutput<typeof config>;

/** The reference's options for pods, so that a configuration with them is understood, and refused with a reason. */
export const config = v.strictObject({
  executor: v.optional(v.pipe(v.boolean(), v.description("Run every job in a pod")), false),
  "pod-spec": v.optional(
    v.pipe(
      v.string(),
      v.description("A ConfigMap with parts of the pod's specification"),
      v.metadata({ hint: "name" }),
    ),
  ),
  "allowed-images": v.optional(
    v.pipe(
      v.array(v.string()),
      v.description("Regular expressions; a job may use images that match one of them"),
    ),
    [],
  ),
  "pod-start-timeout": v.optional(
    v.pipe(
      v.pipe(v.number(), v.integer("expected whole seconds")),
      v.description("How long a pod may take to start"),
      v.metadata({ hint: "seconds" }),
    ),
    300,
  ),
  labels: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description("Labels for the pods: name=value"),
      v.metadata({ hint: "name=value" }),
    ),
    [],
  ),
  "default-image": v.optional(
    v.pipe(v.string(), v.description("The image of a job that names none"), v.metadata({ hint: "image" })),
  ),
});
