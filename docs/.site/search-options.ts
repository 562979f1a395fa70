/** Options of the search, for the site and for the test of its answers. The site receives the functions as text. */
export const miniSearch = {
  options: {
    processTerm(term: string): string | null {
      const isFiller =
        /^(an?|and|are|as|at|be|by|can|do|does|for|from|how|i|in|is|it|my|of|on|or|that|the|to|what|with)$/i;
      return isFiller.test(term) ? null : term.toLowerCase();
    },
  },
  searchOptions: {
    fuzzy: 0.2,
    prefix: true,
    boost: { title: 4, text: 2, titles: 1 },
    /** Pages for operators come first. The others mention every subject, and are found by the names in them. */
    boostDocument(id: string): number {
      if (/^\/(sdk|examples|e2e|bench)\//.test(id)) return 0.3;
      // Pages of single plugins, and the list of options, repeat the words of the page about the subject.
      if (/^\/(plugins\/|configuration)/.test(id)) return 0.75;
      return /^\/(CHANGELOG|CONTRIBUTING|architecture|dependencies|design-notes|plugins-re|protocol|releases)/.test(
        id,
      )
        ? 0.6
        : 1;
    },
  },
};
