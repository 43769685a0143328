import { type ChangeEvent, type KeyboardEvent, useEffect, useState } from "react";

/**
 * A text that is taken over on Enter or when its field is left. `take` answers
 * how it is written then, or nothing where it makes no sense.
 */
export function useTyped(written: string, take: (text: string) => string | undefined) {
  const [text, setText] = useState(written);
  const [bad, setBad] = useState(false);
  useEffect(() => {
    setText(written);
    setBad(false);
  }, [written]);
  const commit = () => {
    const taken = take(text);
    setBad(taken === undefined);
    if (taken !== undefined) setText(taken);
  };
  return {
    text,
    bad,
    /** For the input itself. */
    input: {
      value: text,
      "aria-invalid": bad || undefined,
      onChange: (event: ChangeEvent<HTMLInputElement>) => setText(event.target.value),
      onBlur: commit,
      onKeyDown: (event: KeyboardEvent) => {
        if (event.key === "Enter") commit();
      },
    },
  };
}
