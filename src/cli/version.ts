import { defineCommand } from "./command.ts";

export default defineCommand({
  meta: { name: "version", description: "print the version" },
  run: ({ program }) => console.log(program.version),
});
