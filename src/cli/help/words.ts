/** The pages of `signalman help` that are neither a command nor a page of the documentation. */
export const helpWords = ["options", "topics", "hooks", "errors"] as const;

export type HelpWord = (typeof helpWords)[number];

export function isHelpWord(word: string): word is HelpWord {
  return (helpWords as readonly string[]).includes(word);
}
