// A screen's frame: its title, what it is about, its one way out, its body.

import { type ReactNode, useEffect } from "react";
import { Finder } from "./finder";
import { Problems } from "./problems";

interface PageProps {
  title: string;
  /** Tags and names behind the title. */
  subject?: ReactNode;
  /** At the right end of the head; never leaves the view. */
  actions?: ReactNode;
  /** The body fills the panel to its edges and scrolls by itself. */
  full?: boolean;
  children: ReactNode;
}

export function Page({ title, subject, actions, full, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} – Dumont Cloud`;
  }, [title]);
  return (
    <main className="main">
      <header className="head">
        <h1>{title}</h1>
        {subject}
        <span className="flex-1" />
        {actions ?? <Finder />}
      </header>
      <Problems />
      {full ? children : <div className="body">{children}</div>}
    </main>
  );
}
