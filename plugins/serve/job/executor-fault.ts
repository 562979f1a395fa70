import { executor, findExecutor, type JobRequest, toMessage } from "signalman";

type Choice = Parameters<typeof findExecutor>[1];

/** Returns why no executor of this agent can run the job. */
export function findExecutorFault(
  { executor: wanted, containers }: Pick<JobRequest, "executor" | "containers">,
  choice: Choice,
): string | undefined {
  try {
    const { name } = findExecutor(wanted, choice);
    choice.host.use(executor, name);
    if (name !== "dockercompose" || containers.length > 0) return undefined;
    return 'executor "dockercompose" needs a container: add one to "compose.containers"';
  } catch (error) {
    return toMessage(error);
  }
}
