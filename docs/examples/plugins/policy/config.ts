import { v } from "signalman";

const patterns = (what: string) => v.optional(v.pipe(v.array(v.string()), v.description(what)), []);

const rule = (what: string) =>
  v.optional(
    v.pipe(
      v.strictObject({
        allow: patterns("Only what one of these matches; none: everything"),
        deny: patterns("Nothing that one of these matches, whatever is allowed"),
      }),
      v.description(what),
    ),
    {},
  );

export const config = v.strictObject({
  images: rule("Images of the job's containers"),
  repositories: rule("The repository whose pipeline the job belongs to"),
  commands: rule("Commands of the job, its epilogues and its host set-up"),
  help: v.optional(
    v.pipe(v.string(), v.description("A sentence for whoever was refused: whom to ask, where the rules are")),
    "",
  ),
});

export type PolicyConfig = v.InferOutput<typeof config>;
export type Rule = PolicyConfig["images"];
