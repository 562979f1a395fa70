import { v } from "signalman";

const patterns = (what: string) => v.optional(v.pipe(v.array(v.string()), v.description(what)), []);

const rule = (what: string) =>
  v.optional(
    v.pipe(
      v.strictObject({
        allow: patterns("Patterns of allowed values; all values when empty"),
        deny: patterns("Patterns of denied values; they have precedence over `allow`"),
      }),
      v.description(what),
    ),
    {},
  );

export const config = v.strictObject({
  images: rule("Images of the job's containers"),
  repositories: rule("Repository of the job's pipeline"),
  commands: rule("Commands of the job, its epilogues and its host set-up"),
  help: v.optional(
    v.pipe(v.string(), v.description("Sentence for the user of a rejected job, such as whom to ask")),
    "",
  ),
});

export type PolicyConfig = v.InferOutput<typeof config>;
export type Rule = PolicyConfig["images"];
