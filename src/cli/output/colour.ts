/** Whether a job is shown in colours: on a terminal, unless the environment says otherwise (https://no-color.org). */
export function hasColour(tty: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (FORCE_COLOR && FORCE_COLOR !== "0") return true;
  return tty && !NO_COLOR;
}
