// An agent that expects a job and is killed before it has the request.
import { createSlot } from "./fixtures.ts";

const [path, jobId] = process.argv.slice(2);
const slot = await createSlot({ path: path! });
slot.again().expect(jobId!);
await new Promise((resolve) => setTimeout(resolve, 60_000));
