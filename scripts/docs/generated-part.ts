/** Replaces the text between the two markers of a part, which are comments of a page or of a program. */
export function replacePart(text: string, part: string, content: string): string {
  const markers = [
    [`<!-- generated: ${part} -->\n`, `<!-- end: ${part} -->`],
    [`// generated: ${part}\n`, `// end: ${part}`],
  ] as const;
  for (const [begin, end] of markers) {
    const from = text.indexOf(begin) + begin.length;
    const to = text.indexOf(end, from);
    if (text.includes(begin) && to !== -1) return `${text.slice(0, from)}${content}${text.slice(to)}`;
  }
  throw new Error(`markers "generated: ${part}" and "end: ${part}" not found`);
}
