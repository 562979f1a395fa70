/** A generated file, or a file with generated parts. */
export interface GeneratedFile {
  /** Path relative to the root of the project. */
  readonly file: string;
  /** Returns the contents of the whole file. `current` is its present contents, empty for a missing file. */
  render(current: string): Promise<string>;
}
