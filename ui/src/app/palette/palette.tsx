// The command palette: everything the window can do, a few letters away.

import { Dialog } from "@base-ui/react/dialog";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { LaunchRequest } from "../../bindings";
import { Icon } from "../../design/icon";
import { Kbd } from "../../design/parts";
import { ErrorBanner } from "../error-banner";
import { ERRORS } from "../errors";
import { useFormats } from "../format";
import { useShortcut } from "../keys";
import { queries } from "../queries";
import { useHost } from "../session";
import { type Command, useCommands } from "./commands";
import { type Found, match } from "./match";
import { usePalette } from "./open";
import "./palette.css";

/** More than fit are further away than a better word. */
const SHOWN = 40;

export function Palette() {
  const { t } = useTranslation();
  const { isOpen, open, close } = usePalette();
  useShortcut("mod+k", true, open);
  return (
    <Dialog.Root open={isOpen} onOpenChange={next => (next ? open() : close())}>
      <Dialog.Portal>
        <Dialog.Backdrop className="scrim" />
        <Dialog.Popup className="palette" aria-label={t("palette.title")}>
          <Inside />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Inside() {
  const { t } = useTranslation();
  const { close } = usePalette();
  const commands = useCommands();
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const found = commands
    .map(command => ({ command, ...match(query, command.text, command.others) }))
    .filter(found => found.score > 0)
    .sort((a, b) => (query.trim() ? worthOf(b) - worthOf(a) : 0))
    .slice(0, SHOWN);
  const groups = [...new Set(found.map(found => found.command.group))];
  const ordered = groups.flatMap(group => found.filter(found => found.command.group === group));
  const chosen = ordered[Math.min(active, ordered.length - 1)];
  const run = useMutation({ mutationFn: async (command: Command) => command.run() });
  const choose = (command: Command) =>
    run.mutate(command, {
      onSuccess: close,
    });

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new question begins at its top
  useEffect(() => setActive(0), [query]);
  useEffect(() => {
    list.current
      ?.querySelector("[aria-selected=true]")
      ?.scrollIntoView({ block: active === 0 ? "center" : "nearest" });
  }, [active]);

  const onKeyDown = (event: KeyboardEvent) => {
    const last = ordered.length - 1;
    const next = { ArrowDown: active + 1, ArrowUp: active - 1, Home: 0, End: last }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setActive(next < 0 ? last : next > last ? 0 : next);
    }
    if (event.key === "Enter" && chosen) {
      event.preventDefault();
      choose(chosen.command);
    }
  };

  return (
    <>
      <div className="palette-field">
        <Icon of={Search} />
        <input
          type="text"
          role="combobox"
          aria-expanded
          aria-controls={id}
          aria-activedescendant={chosen ? `${id}-${chosen.command.id}` : undefined}
          aria-label={t("palette.find")}
          placeholder={t("palette.find")}
          value={query}
          onChange={event => setQuery(event.target.value)}
          onKeyDown={onKeyDown}
        />
      </div>
      {run.error ? (
        <div className="p-3">
          <ErrorBanner error={run.error} />
        </div>
      ) : null}
      <div
        ref={list}
        id={id}
        role="listbox"
        aria-label={t("palette.title")}
        className="palette-list"
      >
        {groups.map(group => (
          // biome-ignore lint/a11y/useSemanticElements: options are no form fields
          <div key={group} role="group" aria-label={t(group) as string}>
            <div className="menu-label" aria-hidden="true">
              {t(group) as string}
            </div>
            {found
              .filter(found => found.command.group === group)
              .map(({ command, marks }) => (
                <div
                  key={command.id}
                  id={`${id}-${command.id}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={command === chosen?.command}
                  className="palette-item"
                  data-command={command.id}
                  onMouseMove={() => setActive(ordered.findIndex(one => one.command === command))}
                  onClick={() => choose(command)}
                  onKeyDown={onKeyDown}
                >
                  <Icon of={command.icon} />
                  <span className="truncate" title={command.text}>
                    {marked(command.text, marks)}
                  </span>
                  {command.launches ? (
                    <Means request={command.launches} asked={command === chosen?.command} />
                  ) : null}
                  {command.note ? (
                    <span className="truncate text-12 text-ink-3" title={command.note}>
                      {command.note}
                    </span>
                  ) : null}
                  <span className="flex-1" />
                  {command === chosen?.command ? <Kbd>Enter</Kbd> : null}
                </div>
              ))}
          </div>
        ))}
        {ordered.length === 0 ? <p className="p-4 text-ink-2">{t("palette.nothing")}</p> : null}
      </div>
      <div className="palette-foot" aria-hidden="true">
        <span>
          <Kbd>↑</Kbd> <Kbd>↓</Kbd> {t("palette.move")}
        </span>
        <span>
          <Kbd>Enter</Kbd> {t("palette.go")}
        </span>
        <span>
          <Kbd>Esc</Kbd> {t("palette.close")}
        </span>
        <span className="flex-1" />
        <span>{t("palette.both")}</span>
      </div>
    </>
  );
}

/** Launching is what one comes for: a word of it goes before the beginning of another. */
const worthOf = ({ command, score, marks }: { command: Command } & Found) =>
  score + (command.launches && marks.length ? 3 : 0);

/** What a launch would take and cost, asked for once it is about to be chosen. */
function Means({ request, asked }: { request: LaunchRequest; asked: boolean }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { data, error } = useQuery({ ...queries.estimate(useHost(), request), enabled: asked });
  if (!data || error) return null;
  if (data.refused) {
    return <span className="truncate text-12 text-warn">{t(ERRORS[data.refused.code].title)}</span>;
  }
  const money = f.money(data.at_most);
  return (
    <span className="truncate text-12 text-ink-3">
      {data.shell
        ? t("palette.about", { time: f.roughly(data.shell.median_ms), money })
        : t("palette.atMost", { money })}
    </span>
  );
}

/** The typed words stand out. */
function marked(text: string, marks: [number, number][]): ReactNode {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const [from, to] of marks) {
    if (from < at) continue;
    parts.push(text.slice(at, from), <b key={from}>{text.slice(from, to)}</b>);
    at = to;
  }
  parts.push(text.slice(at));
  return parts;
}
