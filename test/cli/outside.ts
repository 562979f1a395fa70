/** A plugin with a secret option, and commands that take, fail and log. */
export const outsidePlugin = `
import { definePlugin, defineCommand, v } from "signalman";
const command = (name, args, run) => async () => ({ default: defineCommand({ meta: { name, description: "tests " + name }, args, run }) });
export default definePlugin({
  name: "outside",
  config: v.strictObject({
    password: v.optional(v.pipe(v.string(), v.description("Opens it"), v.metadata({ secret: true }))),
    loud: v.optional(v.boolean(), false),
  }),
  flags: { "outside-password": "password", "outside-loud": "loud" },
  commands: {
    echo: command("echo", {
      first: { type: "positional", description: "what to say", required: true },
      tag: { type: "string", list: true, alias: "t" },
      yes: { type: "boolean", default: true },
      mode: { type: "enum", options: ["a", "b"], default: "a" },
    }, ({ args, program }) => {
      const { first, tag, yes, mode, _ } = args;
      console.log(JSON.stringify({ first, tag, yes, mode, rest: _, config: program.config.of("outside") }));
    }),
    fail: command("fail", {}, ({ program }) => {
      throw new Error("boom " + program.config.of("outside").password, { cause: new Error("deep down") });
    }),
    log: command("log", {}, ({ program }) => {
      program.logger.info("informed");
      program.logger.child("tag").warn("warned " + program.config.of("outside").password);
    }),
    flood: command("flood", {}, () => {
      for (let line = 0; line < 100_000; line += 1) process.stdout.write("line " + line + "\\n");
    }),
    hang: command("hang", {}, () => void setInterval(() => {}, 1000)),
  },
  setup() {},
});`;
export const outside = {
  "signalman.config.yaml": "plugins:\n  ./outside.ts:\n    password: hunter2-and-more\n",
  "outside.ts": outsidePlugin,
};
