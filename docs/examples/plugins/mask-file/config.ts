import { v } from "signalman";

export type MaskFileConfig = v.InferOutput<typeof config>;

export const config = v.strictObject({
  file: v.pipe(
    v.string(),
    v.nonEmpty("expected the path of a file"),
    v.description("File with values that job logs must not show, one per line"),
  ),
});
