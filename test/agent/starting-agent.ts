// An agent that runs a job until the agent is killed.
import { createSlot, delivery, request } from "./fixtures.ts";

const [path, jobId] = process.argv.slice(2);
const slot = await createSlot({ path: path! });
await slot.again().start({ ...request("echo begun; sleep 600"), id: jobId! }, delivery);
await new Promise((resolve) => setTimeout(resolve, 600_000));
