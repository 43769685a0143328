// A screen's frame: its title, what it is about, its one way out, its body.

import { type ReactNode, useEffect } from "react";

interface PageProps {
  title: string;
  /** Tags and names behind the title. */
  subject?: ReactNode;
  /** At the right end of the head; never leaves the view. */
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, subject, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} – Dumont Cloud`;
  }, [title]);
  return (
    <main className="main">
      <header className="head">
        <h1>{title}</h1>
        {subject}
        <span className="flex-1" />
        {actions}
      </header>
      <div className="body">{children}</div>
    </main>
  );
}
