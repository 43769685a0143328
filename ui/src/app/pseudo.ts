// English with every word a third longer, for the test that nothing is cut.

interface Words {
  [key: string]: string | Words;
}

export function padded<T extends object>(words: T): T {
  return Object.fromEntries(
    Object.entries(words as Words).map(([key, value]) => [
      key,
      typeof value === "string" ? lengthen(value) : padded(value),
    ]),
  ) as T;
}

function lengthen(text: string): string {
  return text
    .split(/(\{\{[^}]*\}\}|<[^>]*>)/)
    .map((part, index) =>
      index % 2
        ? part
        : part.replaceAll(
            /\p{L}{4,}/gu,
            word => word + "eaeaeaea".slice(0, Math.ceil(word.length * 0.3)),
          ),
    )
    .join("");
}
