// Keyboard shortcuts of a view. Single letters never fire inside a text field,
// nor when the user switched them off; nothing fires on a held key or behind an
// open dialog.

import { useEffect, useRef } from "react";
import { usePreferences } from "./preferences";

/** Single letters, and what else means something only outside a text. */
type Letter = "w" | "t" | "e" | "j" | "o" | "c" | "f" | "b" | "r" | "/" | "?";

export type Shortcut =
  | "Enter"
  | "Escape"
  | Letter
  | "mod+1"
  | "mod+2"
  | "mod+3"
  | "mod+4"
  | "mod+5"
  | "mod+,"
  | "mod+k"
  | "mod+\\"
  | "mod+shift+d";

/** Things that use Enter themselves. */
const TAKES_ENTER =
  "a[href], button:not([role=radio]):not([role=checkbox]), input:not([type=checkbox]), textarea, [role=combobox], [role=listbox], [role=dialog], [role=alertdialog], [role=row], [role=treeitem]";
const TYPES_TEXT =
  "input:not([type=checkbox], [type=radio], [type=range]), textarea, [contenteditable=true]";
const MODAL = "[role=dialog], [role=alertdialog], [role=listbox], [role=menu]";

/** Calls `run` on the shortcut while `when` holds. */
export function useShortcut(shortcut: Shortcut, when: boolean, run: () => void) {
  const { preferences } = usePreferences();
  const latest = useRef(run);
  latest.current = run;
  const wanted = when && (preferences.letter_keys || !isLetter(shortcut));
  useEffect(() => {
    if (!wanted) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.repeat || event.defaultPrevented || !matches(event, shortcut)) return;
      const target = event.target instanceof Element ? event.target : document.body;
      if (document.querySelector(MODAL)) return;
      if (shortcut === "Enter" && target.closest(TAKES_ENTER)) return;
      if (isLetter(shortcut) && target.closest(TYPES_TEXT)) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [shortcut, wanted]);
}

function isLetter(shortcut: Shortcut): shortcut is Letter {
  return shortcut.length === 1;
}

function matches(event: KeyboardEvent, shortcut: Shortcut): boolean {
  const mod = event.metaKey || event.ctrlKey;
  const key = event.key.toLowerCase();
  if (shortcut.startsWith("mod+shift+")) return mod && event.shiftKey && key === shortcut.slice(10);
  if (shortcut.startsWith("mod+")) return mod && !event.shiftKey && key === shortcut.slice(4);
  return !mod && !event.altKey && key === shortcut.toLowerCase();
}

/** `Ctrl ` or `⌘`, before a key's name. */
export const modOf = (os: string | undefined) => (os === "macos" ? "⌘" : "Ctrl ");
