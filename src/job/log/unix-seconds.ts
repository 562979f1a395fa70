/** Returns the current time in the unit of a job's log (protocol section 5.1). */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
