// Keyboard shortcuts of a view. Single letters never fire inside a text field,
// and nothing fires on a held key or behind an open dialog.

import { useEffect, useRef } from "react";

export type Shortcut = "Enter" | "Escape" | "w" | "mod+1" | "mod+2" | "mod+\\";

/** Things that use Enter themselves. */
const TAKES_ENTER =
  "a[href], button:not([role=radio]):not([role=checkbox]), input[type=text], textarea, [role=combobox], [role=listbox], [role=dialog], [role=alertdialog]";
const TYPES_TEXT = "input[type=text], input:not([type]), textarea, [contenteditable=true]";
const MODAL = "[role=dialog], [role=alertdialog], [role=listbox]";

/** Calls `run` on the shortcut while `when` holds. */
export function useShortcut(shortcut: Shortcut, when: boolean, run: () => void) {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    if (!when) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.repeat || event.defaultPrevented || !matches(event, shortcut)) return;
      const target = event.target instanceof Element ? event.target : document.body;
      if (document.querySelector(MODAL)) return;
      if (shortcut === "Enter" && target.closest(TAKES_ENTER)) return;
      if (shortcut === "w" && target.closest(TYPES_TEXT)) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [shortcut, when]);
}

function matches(event: KeyboardEvent, shortcut: Shortcut): boolean {
  const mod = event.metaKey || event.ctrlKey;
  if (shortcut.startsWith("mod+")) return mod && event.key === shortcut.slice(4);
  return !mod && !event.altKey && event.key.toLowerCase() === shortcut.toLowerCase();
}
