import { statfs } from "node:fs/promises";
import { admission, bytes, definePlugin, toSize, v } from "signalman";

const config = v.strictObject({
  directory: v.optional(v.pipe(v.string(), v.description("Directory on the file system to watch")), "/"),
  minimum: v.optional(bytes("Free space below which slots take no jobs"), "5GiB"),
  resume: v.optional(bytes("Free space from which paused slots take jobs again"), "6GiB"),
});

/** Pauses the slots of an agent while a disk is nearly full. */
export default definePlugin({
  name: "disk-guard",
  description: "pauses the slots of an agent while a disk is nearly full",
  runsIn: ["agent"],
  config,
  setup(ctx, { directory, minimum, resume }) {
    // Slots that were refused: they need more space than the others, so that a slot does not come and go.
    const refused = new Set<number>();
    ctx.provide(admission, "disk-guard", {
      async check({ slot }) {
        const { bavail, bsize } = await statfs(directory);
        const required = refused.has(slot) ? Math.max(minimum, resume) : minimum;
        if (bavail * bsize >= required) {
          refused.delete(slot);
          return undefined;
        }
        refused.add(slot);
        return {
          reason: `less than ${toSize(required)} are free on ${directory}`,
          until: `${toSize(Math.max(minimum, resume))} are free`,
        };
      },
    });
  },
});
