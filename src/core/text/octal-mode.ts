/** Writes the mode of a file as `chmod` takes it: four octal digits. */
export function toMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
