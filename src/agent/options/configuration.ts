import * as v from "valibot";

/** Options that select the configuration file and its layer. */
export const configurationEntries = {
  "config-file": v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected the path of a file"),
      v.description("Configuration file: YAML, JSON, JSONC, TOML, TypeScript or JavaScript"),
      v.examples(["/etc/signalman/config.yaml"]),
      v.metadata({
        hint: "file",
        from: [],
        defaultText:
          "for agents config.* in /etc/signalman, otherwise signalman.config.* in the working directory",
      }),
    ),
  ),
  "config-env": v.optional(
    v.pipe(
      v.string(),
      v.description("Layer of the configuration file that is merged over it: `$<name>:` or `$env.<name>`"),
      v.examples(["production"]),
      v.metadata({ hint: "name", from: ["environment"], defaultText: "none" }),
    ),
  ),
  "allow-writable-configuration": v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Start also with configuration, plugins and scripts that users other than root and the agent's may write",
      ),
      v.metadata({ from: ["environment"] }),
    ),
    false,
  ),
} satisfies v.ObjectEntries;
