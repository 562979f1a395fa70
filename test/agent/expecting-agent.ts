// An agent that was told of a job, and gets killed before the request comes.
import { createSlot } from "./fixtures.ts";

const [path, jobId] = process.argv.slice(2);
const slot = await createSlot({ path: path! });
slot.again().expect(jobId!);
await new Promise((resolve) => setTimeout(resolve, 60_000));
