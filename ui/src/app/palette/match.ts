// Finding a command by what is typed, in either language.

export interface Found {
  /** The better, the higher; 0 is no match. */
  score: number;
  /** Where the words stand in the shown text: from, to. */
  marks: [number, number][];
}

/** Accents and case do not count. */
function plain(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

/** Every word typed begins a word of the text, or of one of the others. */
export function match(query: string, text: string, others: string[]): Found {
  const words = plain(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return { score: 1, marks: [] };
  const shown = plain(text);
  const hidden = others.map(plain);
  const marks: [number, number][] = [];
  let score = 0;
  for (const word of words) {
    const at = begins(shown, word);
    if (at >= 0) {
      marks.push([at, at + word.length]);
      score += at === 0 ? 4 : 2;
    } else if (hidden.some(other => begins(other, word) >= 0)) {
      score += 1;
    } else {
      return { score: 0, marks: [] };
    }
  }
  return { score, marks: marks.sort((a, b) => a[0] - b[0]) };
}

/** Where a word of the text begins like this. */
function begins(text: string, word: string): number {
  let at = text.indexOf(word);
  while (at > 0 && /[\p{L}\p{N}]/u.test(text[at - 1] ?? "")) at = text.indexOf(word, at + 1);
  return at;
}
